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

from __future__ import annotations

import csv
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from monai.bundle import run
from PIL import Image

from monai_r2c.apps.import_checkpoint import import_checkpoint
from monai_r2c.networks import (
    R2CDiscriminator,
    R2CGenerator,
    load_published_arrays,
    load_restorer,
    tensorflow_checkpoint,
)
from monai_r2c.utils import InputError

INFERENCE = Path(__file__).parents[2] / "bundles/chest_xray_restore_classify/configs/inference.yaml"
needs_tensorflow = pytest.mark.skipif(find_spec("tensorflow") is None, reason="the extra `tensorflow` is not installed")


class Reader:
    """Stands for TensorFlow's reader: the same two methods over arrays in memory."""

    def __init__(self, variables: dict[str, np.ndarray]) -> None:
        self.variables = variables

    def get_variable_to_shape_map(self) -> dict[str, tuple[int, ...]]:
        return {name: value.shape for name, value in self.variables.items()}

    def get_tensor(self, name: str) -> np.ndarray:
        return self.variables[name]


def _saved(network: str, arrays: list[list[tuple[str, np.ndarray]]]) -> dict[str, np.ndarray]:
    """Name arrays as tf.train.Checkpoint does, in an order that it does not promise."""
    end = "/.ATTRIBUTES/VARIABLE_VALUE"
    named = {
        f"{network}/layer_with_weights-{layer}/{name}{end}": value
        for layer, variables in enumerate(arrays)
        for name, value in variables
    }
    return dict(sorted(named.items(), reverse=True))


def _operational_discriminator(order: int, generator: np.random.Generator) -> list[list[tuple[str, np.ndarray]]]:
    def layer(outputs: int, inputs: int, bias: bool) -> list[tuple[str, np.ndarray]]:
        draw = lambda *shape: generator.normal(size=shape).astype(np.float32)  # noqa: E731
        found = []
        for power in range(order):
            found.append((f"all_layers/{power}/kernel", draw(4, 4, inputs, outputs)))
            if bias:
                found.append((f"all_layers/{power}/bias", draw(outputs)))
        return found

    norm = [("gamma", np.full(128, 1.5, np.float32)), ("beta", np.full(128, 0.5, np.float32))]
    return [layer(64, 1, True), layer(128, 64, False), norm, layer(1, 128, True)]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    (tmp_path / "ckpt").mkdir()
    (tmp_path / "ckpt/checkpoint").write_text('model_checkpoint_path: "/elsewhere/ckpt-12"\n')
    (tmp_path / "ckpt/ckpt-12.index").touch()
    return tmp_path / "ckpt"


def test_variables_come_in_keras_order_without_optimizer_slots(checkpoint: Path, monkeypatch) -> None:
    layers = [
        [
            (f"all_layers/{i}/{name}", np.full(1, 10 * i + j))
            for i in range(11)
            for j, name in enumerate(("kernel", "bias"))
        ]
    ]
    variables = _saved("G_A2B", layers * 12)
    slot = next(iter(variables)).replace("/.ATTRIBUTES", "/.OPTIMIZER_SLOT/G_optimizer/m/.ATTRIBUTES")
    variables |= {slot: np.zeros(1), "ep_cnt/.ATTRIBUTES/VARIABLE_VALUE": np.zeros(1)}
    monkeypatch.setattr(tensorflow_checkpoint, "_open", lambda _: Reader(variables))
    found = tensorflow_checkpoint.read_tensorflow_checkpoint(checkpoint)
    assert list(found) == ["G_A2B"]
    assert [int(value[0]) for value in found["G_A2B"].values()] == [
        10 * i + j for i in range(11) for j in range(2)
    ] * 12


def test_operational_network_of_a_checkpoint_is_that_of_its_arrays(checkpoint: Path, monkeypatch) -> None:
    arrays = _operational_discriminator(3, np.random.default_rng(0))
    monkeypatch.setattr(tensorflow_checkpoint, "_open", lambda _: Reader(_saved("D_A", arrays)))
    found = tensorflow_checkpoint.read_tensorflow_checkpoint(checkpoint)["D_A"]
    networks = [R2CDiscriminator(2, 1, order=3) for _ in range(2)]
    load_published_arrays(networks[0], list(found.values()), list(found))
    load_published_arrays(networks[1], [value for layer in arrays for _, value in layer])
    image = torch.rand(1, 1, 32, 32)
    assert torch.equal(networks[0](image), networks[1](image))


def test_checkpoint_without_restorer_is_refused_and_nothing_written(
    checkpoint: Path, tmp_path: Path, monkeypatch
) -> None:
    variables = _saved("D_A", _operational_discriminator(1, np.random.default_rng(0)))
    monkeypatch.setattr(tensorflow_checkpoint, "_open", lambda _: Reader(variables))
    output = tmp_path / "model.pt"
    result = CliRunner().invoke(
        import_checkpoint, [str(checkpoint), "--variant", "operational", "--output", str(output)]
    )
    assert isinstance(result.exception, InputError)
    assert "holds no G_A2B; it has D_A" in str(result.exception)
    assert not output.exists()


def test_folder_without_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a file called checkpoint"):
        tensorflow_checkpoint.read_tensorflow_checkpoint(tmp_path)
    with pytest.raises(InputError, match=r"no ckpt-3\.index"):
        tensorflow_checkpoint.read_tensorflow_checkpoint(tmp_path / "ckpt-3")


@pytest.mark.skipif(find_spec("tensorflow") is not None, reason="TensorFlow is installed")
def test_without_tensorflow_the_extra_is_named(checkpoint: Path) -> None:
    with pytest.raises(InputError, match=r"pip install 'monai_r2c\[tensorflow\]'"):
        tensorflow_checkpoint.read_tensorflow_checkpoint(checkpoint)


@needs_tensorflow
def test_published_checkpoint_restores_and_classifies_through_the_bundle(shared: Path, tmp_path: Path) -> None:
    source, model = shared / "reference/ckpt-convolutional-light", tmp_path / "model.pt"
    arguments = [str(source), "--variant", "convolutional_light", "--output", str(model)]
    assert CliRunner().invoke(import_checkpoint, arguments, catch_exceptions=False).exit_code == 0

    with np.load(shared / "reference/convolutional-light.npz") as reference:
        published = R2CGenerator(2, 3, variant="convolutional_light")
        count = len(reference["G_A2B/names"])
        load_published_arrays(published, [reference[f"G_A2B/{i:03d}"] for i in range(count)])
    imported, settings = load_restorer(model)
    assert all(torch.equal(value, published.state_dict()[name]) for name, value in imported.state_dict().items())
    assert (settings.variant, settings.channels, settings.image_size) == ("convolutional_light", 3, 256)

    (tmp_path / "images").mkdir()
    gray = np.random.default_rng(3).integers(0, 256, (256, 256), dtype=np.uint8)
    Image.fromarray(gray).save(tmp_path / "images/a.png")
    run(
        "inference", config_file=str(INFERENCE), output_dir=str(tmp_path), images=str(tmp_path / "images"), device="cpu"
    )
    with torch.no_grad():
        image, logits = published((torch.from_numpy(gray).float() / 255 * 2 - 1).expand(1, 3, -1, -1))
    expected = ((image[0].mean(0) + 1) / 2 * 255).clamp(0, 255).numpy()
    with Image.open(tmp_path / "restored/a.png") as restored:
        assert np.abs(np.asarray(restored) - expected).max() <= 0.5 + 1e-2
    with (tmp_path / "predictions.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert float(row["probability_covid"]) == pytest.approx(logits.softmax(1)[0, 1].item(), abs=1e-5)


@needs_tensorflow
@pytest.mark.parametrize(
    ("variant", "line"),
    [
        ("operational", r"layer_with_weights-1/gamma: shape \(128,\) where kernel of .* needs \(3, 3, 3, 128\)"),
        ("convolutional", r"layer_with_weights-0/kernel: shape \(3, 3, 3, 128\) where .* needs \(7, 7, 3, 64\)"),
    ],
)
def test_wrong_variant_is_refused_and_nothing_written(shared: Path, tmp_path: Path, variant: str, line: str) -> None:
    source, model = shared / "reference/ckpt-convolutional-light", tmp_path / "model.pt"
    with pytest.raises(InputError, match=line):
        CliRunner().invoke(
            import_checkpoint, [str(source), "--variant", variant, "--output", str(model)], catch_exceptions=False
        )
    assert not list(tmp_path.iterdir())
