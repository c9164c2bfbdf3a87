# Copyright (c) monai_r2c contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Shows that the tests notice single mistakes in networks, losses and engines.

Each mutation replaces one piece of text in a copy of the package; the tests that could notice run on the copy, until
the first that fails. Prints a table of what was killed, by which test, and of what survived; ends with status 1 if
anything did, or if a text to replace is not there exactly once.

    python benchmarks/mutations.py [--only WORD]...

What a run printed is in benchmarks/mutations.md.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]
COPIED = ("monai_r2c", "tests", "bundles", "pyproject.toml")
ARCHITECTURE = ["tests/networks/test_architecture_reference.py"]
NETWORKS = [*ARCHITECTURE, "tests/networks/test_r2c_networks.py"]
LAYERS = [
    "tests/networks/test_operational_layers.py",
    "tests/networks/test_same_padding.py",
    "tests/networks/test_operational_memory.py",
    *NETWORKS,
]
NORM = [*ARCHITECTURE, "tests/networks/test_instance_norm.py", "tests/engines/test_precision.py"]
WRAPPED = ["tests/networks/test_wrapped_generator.py"]
CONVERSION = ["tests/networks/test_convert.py", "tests/networks/test_convert_to_plain.py"]
LOSSES = ["tests/losses", "tests/engines/test_published_steps.py"]
ENGINES = [  # those that notice most come first
    "tests/engines/test_published_steps.py",
    "tests/engines/test_trainer.py",
    "tests/engines/test_schedulers.py",
    "tests/engines/test_gradients.py",
    "tests/engines/test_synthetic.py",
    "tests/engines/test_precision.py",
    "tests/engines/test_evaluator.py",
]
EVALUATION = ["tests/inferers", "tests/handlers"]
LONG_RUNS = ["tests/integration/test_resume.py"]
PROCESSES = ["tests/integration/test_processes.py"]
RESTORER = [f"{PROCESSES[0]}::test_restorer_alone_trains_in_two_processes_and_its_generator_still_learns_to_classify"]


@dataclass(frozen=True)
class Mutation:
    """One mistake: `old` stands exactly once in the files below `folder` and becomes `new`."""

    name: str
    folder: str
    old: str
    new: str
    tests: list[str]
    explained: str = ""  # why no test can notice, where that is so


def mutations() -> list[Mutation]:
    """All mutations, by part of the package."""
    return [*_in_networks(), *_in_losses(), *_in_engines()]


def _in_networks() -> list[Mutation]:
    def net(name: str, old: str, new: str, tests: list[str] | None = None, explained: str = "") -> Mutation:
        return Mutation(name, "networks", old, new, NETWORKS if tests is None else tests, explained)

    return [
        net(
            "discriminator's slope 0.1",
            'PUBLISHED_ACT: LayerName = ("leakyrelu", {"negative_slope": 0.2}',
            'PUBLISHED_ACT: LayerName = ("leakyrelu", {"negative_slope": 0.1}',
        ),
        net(
            "discriminator's last activation dropped",
            "*([kind.activation()] if kind.operational else [])),",
            "),",
        ),
        net("discriminator's second stride 2", "2 * width, 4, 4, False", "2 * width, 4, 2, False"),
        net(
            "discriminator's first layer without bias",
            "image, width, 4, 2, True, kind.activation()),\n        Same",
            "image, width, 4, 2, False, kind.activation()),\n        Same",
        ),
        net("deep discriminator's strides", "(2 * width, 2), (4 * width, 1)", "(2 * width, 1), (4 * width, 1)"),
        net("deep discriminator's last bias", "8 * width, scores, 4, 1, True", "8 * width, scores, 4, 1, False"),
        net(
            "generator's light activation",
            'Variant.CONVOLUTIONAL_LIGHT: (128, 1, 1, "relu")',
            'Variant.CONVOLUTIONAL_LIGHT: (128, 1, 1, "tanh")',
        ),
        net(
            "generator's operational activation",
            'Variant.OPERATIONAL: (128, 1, 1, "tanh")',
            'Variant.OPERATIONAL: (128, 1, 1, "relu")',
        ),
        net("eight residual blocks", "(64, 9, 5, ", "(64, 8, 5, "),
        net("head reads the fourth block", "(64, 9, 5, ", "(64, 9, 4, "),
        net("head always reads activated features", 'class_features == "activated"', "True"),
        net("head never reads activated features", 'class_features == "activated"', "False"),
        net("decoder reads features before their activation", "else features, activated", "else features, features"),
        net("no tanh on the image", "torch.tanh(self.to_image(", "(self.to_image("),
        net("stem pads with zeros", '"padding": 3, "padding_mode": "reflect"', '"padding": 3, "padding_mode": "zeros"'),
        net("down-sampling activated in the operational generator", "activated=not kind.operational", "activated=True"),
        net(
            "last up-sampling without bias",
            "level(kind, width, translated, True)",
            "level(kind, width, translated, False)",
        ),
        net(
            "activation after the sum in plain blocks",
            "return kind.activation() if kind.operational else nn.Identity()",
            "return kind.activation()",
        ),
        net(
            "residual block pads with zeros",
            'padding=1, padding_mode="reflect", bias=False) for',
            'padding=1, padding_mode="zeros", bias=False) for',
        ),
        net("residual block without its sum", "return _sum(x, change, self.body)", "return change"),
        net(
            "no first activation in operational blocks",
            "[kind.activation()] if kind.operational else []\n        conv",
            "[]\n        conv",
        ),
        net("last norm of a block activated", "*kind.after(channels, activated=False)", "*kind.after(channels)"),
        net("epsilon 1e-5", "EPSILON = 1e-3", "EPSILON = 1e-5"),
        net("norm without epsilon", "squares / x[0, 0].numel() + self.eps", "squares / x[0, 0].numel()", NORM),
        net("norm without its mean", "_by_channel(bias, x) - mean * factor", "_by_channel(bias, x)", NORM),
        net("norm's gradient without its mean", "-factor * level / pixels - ", "-", NORM),
        net("norm's gradient off its middle", "level / pixels - mean * part", "level / pixels", NORM),
        net("norm's gradient without its direction", "-factor * along / pixels * scale.square()", "0 * along", NORM),
        net("mean pooling", "pooled = flat.amax(-1)", "pooled = flat.mean(-1)"),
        net(
            "padding before instead of after", "return before, total - before", "return total - before, before", LAYERS
        ),
        net(
            "crop at the start",
            "x.narrow(dim + 2, before, length)",
            "x.narrow(dim + 2, before + 1, length - 1)",
            LAYERS,
        ),
        net("limit of one fan", "(layer.in_channels + layer.out_channels)", "(2 * layer.in_channels)"),
        net("Glorot's limit of 3", "math.sqrt(6 / fans)", "math.sqrt(3 / fans)"),
        net(
            "higher orders not scaled",
            "self.split_weight()[1:].mul_(scale)",
            "self.split_weight()[2:].mul_(scale)",
            LAYERS,
        ),
        net("fourth power for the third", "power = power * x\n", "power = power * power\n", LAYERS),
        net(
            "powers in place of the wrong one",
            "torch.mul(lower, first, out=power)",
            "torch.mul(lower, lower, out=power)",
            LAYERS,
        ),
        net("gradient of powers without its factor", "value=(i + 1) / i", "value=1", LAYERS),
        net(
            "gradient of the square halved", "edges.interior(total), value=2", "edges.interior(total), value=1", LAYERS
        ),
        net(
            "edges' gradient dropped",
            "add_(gradient.select(dim, edge))",
            "add_(0 * gradient.select(dim, edge))",
            LAYERS,
        ),
        net("reflection by one too many", "(edge, 2 * before - edge)", "(edge, 2 * before - edge - 1)", LAYERS),
        net(
            "strips without overlap",
            "(stop - 1) * stride - edges.before[0] + reach",
            "(stop - 1) * stride - edges.before[0] + 1",
            LAYERS,
        ),
        net(
            "bias in every transposed strip",
            "strip.compute(x[:, :, start : start + rows], weight, None)",
            "strip.compute(x[:, :, start : start + rows], weight, bias)",
            LAYERS,
        ),
        net(
            "resizing pads with zeros",
            'padding=1, padding_mode="reflect", bias=bias',
            "padding=1, bias=bias",
            ["tests/networks/test_upsampling.py"],
        ),
        net(
            "bound left out",
            "        if self.bound is not None:\n            input = self.bound(input)\n        convolution",
            "        convolution",
            CONVERSION,
        ),
        net(
            "wrapped features of the first pass",
            "return kept[-1]",
            "return kept[0]",
            WRAPPED,
            "A layer that runs once gives one feature map; both are the same.",
        ),
        net(
            "restorer waits for its head's gradient",
            """f"{self.head_name}.{name}" for name""",
            """f"{self.head_name}.{name}." for name""",
            RESTORER,
        ),
        net("wrapped image without tanh", "torch.tanh(output)", "output", WRAPPED),
        net(
            "wrapped residual ignored", "whole + output if self.residual else", "output if self.residual else", WRAPPED
        ),
    ]


def _in_losses() -> list[Mutation]:
    def loss(name: str, old: str, new: str, explained: str = "") -> Mutation:
        return Mutation(name, "losses", old, new, LOSSES, explained)

    return [
        loss("restored images aim at 0", "scores[Keys.RESTORED], 1.0", "scores[Keys.RESTORED], 0.0"),
        loss("adversarial terms swapped", "least_squares(scores[Keys.DEGRADED]", "least_squares(scores[Keys.RESTORED]"),
        loss(
            "cycle of the other image",
            "images[Keys.CYCLED_POOR], images[Keys.POOR]",
            "images[Keys.CYCLED_POOR], images[Keys.GOOD]",
        ),
        loss(
            "identity of the other image",
            "images[Keys.IDENTITY_GOOD], images[Keys.GOOD]",
            "images[Keys.IDENTITY_GOOD], images[Keys.POOR]",
        ),
        loss("cycle weight 5", "cycle_weight: float = 10.0", "cycle_weight: float = 5.0"),
        loss("identity weight 10", "identity_weight: float = 5.0", "identity_weight: float = 10.0"),
        loss("class weight 1", "class_weight: float = 0.1", "class_weight: float = 1.0"),
        loss("adversarial weight 2", "adversarial_weight: float = 1.0", "adversarial_weight: float = 2.0"),
        loss(
            "cycled image has the other class", "Keys.CYCLED_POOR: Keys.POOR_LABEL", "Keys.CYCLED_POOR: Keys.GOOD_LABEL"
        ),
        loss("degraded image has the other class", "Keys.DEGRADED: Keys.GOOD_LABEL", "Keys.DEGRADED: Keys.POOR_LABEL"),
        loss("mean over the weights' sum", 'self.label_weights, reduction="none").mean()', "self.label_weights)"),
        loss("label weights ignored", "if self.label_weights is None:", "if True:"),
        loss("NaN label weight allowed", "(weights.isfinite() & (weights >= 0))", "(~(weights < 0))"),
        loss("squared cycle", "F.l1_loss(", "F.mse_loss("),
        loss(
            "absolute instead of least squares",
            "(scores.float() - target).square().mean()",
            "(scores.float() - target).abs().mean()",
        ),
        loss("losses in half precision", "F.l1_loss(image.float(), target.float())", "F.l1_loss(image, target)"),
        loss("one-sided label smoothing", "least_squares(real[domain], 1.0)", "least_squares(real[domain], 0.9)"),
        loss("fakes aim at -1", "least_squares(fake[domain], 0.0)", "least_squares(fake[domain], -1.0)"),
        loss(
            "discriminators' loss halved",
            "torch.stack(list(losses.values())).sum()",
            "torch.stack(list(losses.values())).sum() / 2",
        ),
        loss(
            "synthetic images compared with themselves",
            "_absolute(restored, reference)",
            "_absolute(restored, restored)",
        ),
        loss(
            "structure of the images themselves",
            "_dissimilarity(restored, reference)",
            "_dissimilarity(restored, restored)",
        ),
        loss("structure without asking", 'if self.weights["structure"] > 0:', "if True:"),
        loss(
            "synthetic images of the other class",
            "logits[Keys.SYNTHETIC_RESTORED].float(), labels[Keys.GOOD_LABEL]",
            "logits[Keys.SYNTHETIC_RESTORED].float(), labels[Keys.POOR_LABEL]",
        ),
        loss("R1 without a half", "(2 * scores.numel())", "scores.numel()"),
        loss("R1 not of each score", "(2 * scores.numel())", "(2 * len(scores))"),
        loss("R1 of the norm", "slope.square().sum()", "slope.norm()"),
        loss("R1 without a gradient", "create_graph=True", "retain_graph=True"),
        loss(
            "R1 in half precision",
            "torch.autocast(real.device.type, enabled=False)",
            "torch.autocast(real.device.type, enabled=True)",
        ),
    ]


def _in_engines() -> list[Mutation]:
    def engine(name: str, old: str, new: str, tests: list[str] | None = None, explained: str = "") -> Mutation:
        return Mutation(name, "engines", old, new, ENGINES if tests is None else tests, explained)

    return [
        engine("cycle through one generator", "degrader(images[Keys.RESTORED])", "restorer(images[Keys.RESTORED])"),
        engine("synthetic images degraded", "= restorer(synthetic)", "= degrader(synthetic)"),
        engine("identity of the wrong generator", "degrader(poor)", "restorer(poor)"),
        engine("cycle of the identity", "restorer(images[Keys.DEGRADED])", "restorer(good)"),
        engine(
            "restored images judged as poor ones",
            "bare(self.good_discriminator)(images[Keys.RESTORED])",
            "bare(self.poor_discriminator)(images[Keys.RESTORED])",
        ),
        engine(
            "pools swapped",
            "Keys.POOR: self.poor_pool(images[Keys.DEGRADED])",
            "Keys.POOR: self.good_pool(images[Keys.DEGRADED])",
        ),
        engine("no pool", "self.good_pool(images[Keys.RESTORED])", "images[Keys.RESTORED]"),
        engine(
            "real images judged by the other discriminator", "judge(images[domain]) for", "judge(images[Keys.GOOD]) for"
        ),
        engine(
            "discriminators not frozen",
            "with frozen(self.poor_discriminator, self.good_discriminator):",
            "with frozen():",
        ),
        engine(
            "frozen weights thawed",
            "for p in network.parameters() if p.requires_grad]",
            "for p in network.parameters()]",
        ),
        engine("weights stay frozen", "parameter.requires_grad_(True)", "parameter.requires_grad_(False)"),
        engine("gradients of parts summed", "] / len(parts)).backward()", "]).backward()"),
        engine(
            "losses of parts summed",
            "torch.stack([part[name] for part in losses]).mean(0)",
            "torch.stack([part[name] for part in losses]).sum(0)",
        ),
        engine("gradients kept from the last step", "self.optimizer.zero_grad(set_to_none=True)", "self.optimizer"),
        engine("finite check of one value", "~torch.isfinite(values).all()", "~torch.isfinite(values).any()"),
        engine("gradients not checked", 'checked[f"{self.name}_gradient"] = get_total_norm(self._gradients())', "pass"),
        engine(
            "decay one step early", "return max(0.0, (total_steps - step)", "return max(0.0, (total_steps - step - 1)"
        ),
        engine(
            "decay below zero",
            "return max(0.0, (total_steps - step) / (total_steps - constant_steps))",
            "return (total_steps - step) / (total_steps - constant_steps)",
        ),
        engine(
            "schedule of the next step", "linear_decay(self.state.iteration - 1,", "linear_decay(self.state.iteration,"
        ),
        engine("own scheduler overwritten", "if rate.scheduler is None:", "if True:"),
        engine("decay without asking", "if self.decay_epoch is not None:", "if True:"),
        engine("foreign rate overwritten", "if self._set is not None and rates != self._set:", "if False:"),
        engine(
            "rate scaled from the last one",
            "[rate * factor for rate in self._base]",
            "[rate * factor for rate in rates]",
        ),
        engine("scheduler not saved", 'return {} if inner is None else {f"{self.name}_scheduler": inner}', "return {}"),
        engine(
            "scheduler after the checkpoint",
            "[*self._learning_rates, *(train_handlers or [])]",
            "[*(train_handlers or []), *self._learning_rates]",
        ),
        engine("scheduler of another optimizer", 'getattr(inner, "optimizer", optimizer) is not optimizer', "False"),
        engine(
            "norm limit doubled",
            "clip_grad_norm_(self._parameters(), self.max_norm)",
            "clip_grad_norm_(self._parameters(), 2 * self.max_norm)",
        ),
        engine("value limit ignored", "clip_grad_value_(self._parameters(), self.max_value)", "pass"),
        engine("limit of zero allowed", "not limit > 0", "not limit >= 0"),
        engine("penalty unweighted", "total = total + weight * value", "total = total + value"),
        engine("penalty of real images only", "images[domain], fakes[domain]))", "images[domain], images[domain]))"),
        engine("penalty replaces a term", "if name in losses:", "if False:"),
        engine("bf16 ignored", 'enabled=precision != "fp32"', "enabled=False", [*ENGINES]),
        engine(
            "fp32 autocast",
            'enabled=precision != "fp32"',
            'enabled=precision != "fp64"',
            explained="torch itself leaves autocast to float32 out, with a warning.",
        ),
        engine("NaN skipped although asked to stop", 'if self.on_nan == "stop":', 'if self.on_nan == "never":'),
        engine(
            "epoch of the data one late",
            "set_epoch(self.state.epoch)",
            "set_epoch(self.state.epoch - 1)",
            [*ENGINES, *LONG_RUNS],
        ),
        engine(
            "resumed at the wrong image", "start_at(done * self.data_loader.batch_size)", "start_at(done)", LONG_RUNS
        ),
        engine("dropout not seeded by the step", "if self.seed is not None:", "if False:", LONG_RUNS),
        engine(
            "networks left in eval mode",
            "            network.train()",
            "            network.eval()",
            [*ENGINES, *LONG_RUNS],
        ),
        engine(
            "gradients shared for each part",
            "isinstance(network, DistributedDataParallel) and not shared",
            "False",
            PROCESSES,
            "The average of a sum is the sum of averages: only time is lost.",
        ),
        engine(
            "frozen discriminator through DDP",
            "Keys.DEGRADED: bare(self.poor_discriminator)(images",
            "Keys.DEGRADED: self.poor_discriminator(images",
            PROCESSES,
            "A frozen network has no gradient to average: only time is lost.",
        ),
    ]


# ---- running --------------------------------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", help="mutations whose name or file holds this; may be repeated")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for the tests of one mutation")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sys.dont_write_bytecode = True
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            source, ignore = ROOT / name, shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, copy / name, ignore=ignore) if source.is_dir() else shutil.copy(source, copy)
        _import_what_the_package_needs(copy)
        found = [(mutation, *place(mutation, copy)) for mutation in mutations()]
        words = arguments.only or [""]
        chosen = [(m, path, text) for m, path, text in found if any(word in f"{m.name} {path}" for word in words)]
        tests = sorted({test for mutation, *_ in chosen for test in mutation.tests})
        status, failed, _ = _run_tests(copy, tests, 10 * arguments.timeout)
        if status != 0:
            raise SystemExit(f"the tests fail without a mutation: {failed or status}")
        survivors = 0
        print("| mutation | file | result | s |\n| --- | --- | --- | ---: |")
        for mutation, path, text in chosen:
            path.write_text(text.replace(mutation.old, mutation.new))
            status, failed, seconds = _run_tests(copy, mutation.tests, arguments.timeout)
            path.write_text(text)
            result = f"killed by {failed}" if status else f"SURVIVED. {mutation.explained}".rstrip()
            survivors += status == 0 and not mutation.explained
            print(
                f"| {mutation.name} | {path.relative_to(copy / 'monai_r2c')} | {result} | {seconds:.1f} |", flush=True
            )
    print(f"\n{len(chosen)} mutations, {survivors} survived without an explanation.")
    return int(survivors > 0)


def place(mutation: Mutation, tree: Path) -> tuple[Path, str]:
    """Return the file that holds the text to replace, in a tree with the package, and its text."""
    files = {path: path.read_text() for path in sorted((tree / "monai_r2c" / mutation.folder).rglob("*.py"))}
    count = sum(text.count(mutation.old) for text in files.values())
    if count != 1 or mutation.old == mutation.new:
        raise SystemExit(f"{mutation.name}: {mutation.old!r} stands {count} times in {mutation.folder}, not once")
    return next((path, text) for path, text in files.items() if mutation.old in text)


def _import_what_the_package_needs(copy: Path) -> None:
    """Import it before the processes fork, so that a mutation costs its tests alone."""
    command = "import sys, monai_r2c, ignite.engine, monai.bundle, torch.utils.tensorboard; print(*sys.modules)"
    listed = subprocess.run([sys.executable, "-c", command], cwd=copy, capture_output=True, text=True, check=True)
    for name in listed.stdout.split():
        if not name.startswith("monai_r2c"):
            with contextlib.suppress(ImportError, AttributeError):
                importlib.import_module(name)


def _run_tests(copy: Path, tests: list[str], timeout: float) -> tuple[int, str, float]:
    """Return the status of pytest in a process of its own, the first test that failed, and the seconds it took."""
    output, start = copy / "output.txt", time.perf_counter()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.chdir(copy)
        sys.path.insert(0, str(copy))
        os.environ["PYTHONPATH"] = str(copy)
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        with output.open("w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        status = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no", *tests]))
        loaded = sys.modules.get("monai_r2c")
        mutated = loaded is None or Path(str(loaded.__file__)).is_relative_to(copy)
        os._exit(status if mutated else 99)
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.perf_counter() - start > timeout:
            os.killpg(child, 9)
            os.waitpid(child, 0)
            return 1, "the time limit", timeout
        time.sleep(0.02)
    status = os.waitstatus_to_exitcode(ended[1])
    if status not in (0, 1, 2):  # passed, failed, not even collected
        raise SystemExit(f"pytest ended with status {status}: {output.read_text()[-2000:]}")
    failed = [line.split()[1] for line in output.read_text().splitlines() if line.startswith(("FAILED", "ERROR"))]
    return status, failed[0].partition("/")[2] if failed else "", time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
