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

"""How fast this machine trains and restores, as fractions of what its matrix product reaches at the same moment.

    python benchmarks/speed networks                  # training step and inference: precision, memory format, compile
    python benchmarks/speed gpu --out gpu.json        # the same on a GPU with all that there may decide, in one table
    python benchmarks/speed scaling --precisions fp32 # time a pixel and peak memory from 128 px to native size
    python benchmarks/speed processes                 # training by 1, 2 and 4 processes, and many GPUs by calculation
    python benchmarks/speed versus --python TF        # beside the published method in TensorFlow, step by step
    python benchmarks/speed restoring                 # the restore command beside the network alone, stage by stage
    python benchmarks/speed loading                   # images a second from PNG and DICOM, cached and not
    python benchmarks/speed start_up                  # from the command to the first step of training

Every command prints a table and writes JSON with ``--out``. Cases are measured in turn, round by round, each between
two measurements of the matrix product in its precision: a busy machine disturbs both, and their ratio little.
"""

from __future__ import annotations

import json
import platform
import statistics
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import click
import torch
from cases import COMPILED, Inference, Setting, build, count
from gpu import measure_box, measure_cases, settings_of
from interconnect import machines_table
from loading import loading_rates
from measure import DTYPES, Convolution, MatrixProduct, PeakMemory, seconds_of
from processes import OF_BUNDLE, measure_processes, processes_table, with_ratios
from restoring import KINDS, measure_restoring
from start_up import start_up_costs
from versus import compare

from monai_r2c.utils import keep_freed_memory

VARIANTS = ("operational", "convolutional_light", "convolutional")


@click.group(help=__doc__)
def main() -> None: ...


def options(command: Any) -> Any:
    """Options that all commands share."""
    default = "cuda" if torch.cuda.is_available() else "cpu"
    command = click.option("--device", default=default, show_default=True, type=torch.device)(command)
    command = click.option("--threads", default=None, type=int, help="On the CPU; 1 is timed by processor time.")(
        command
    )
    return click.option("--out", type=click.Path(path_type=Path), help="JSON file to write.")(command)


def choice(*values: str) -> Any:
    """A list of values in one option, with commas."""

    def parse(context: Any, parameter: Any, text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := sorted(set(chosen) - set(values)):
            raise click.BadParameter(f"{', '.join(unknown)}; use {', '.join(values)}.")
        return chosen

    return parse


def integers(context: Any, parameter: Any, text: str) -> list[int]:
    return [int(value) for value in text.split(",")]


@main.command()
@click.option("--tasks", default="training,inference", callback=choice("training", "inference"), show_default=True)
@click.option("--variants", default="operational", callback=choice(*VARIANTS), show_default=True)
@click.option("--precisions", default="fp32,bf16", callback=choice(*DTYPES), show_default=True)
@click.option("--formats", default="contiguous,channels_last", callback=choice("contiguous", "channels_last"))
@click.option(
    "--compile",
    "compiled",
    default="no,yes",
    callback=choice(*COMPILED),
    show_default=True,
    help="graphs: of CUDA, without compilation; compiled_graphs: with both.",
)
@click.option("--batches", default="1", callback=integers, show_default=True)
@click.option("--size", default=256, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@options
def networks(
    tasks: list[str],
    variants: list[str],
    precisions: list[str],
    formats: list[str],
    compiled: list[str],
    batches: list[int],
    size: int,
    rounds: int,
    **shared: Any,
) -> None:
    """Measure training steps and inference."""
    device = prepare(shared)
    peaks = {precision: MatrixProduct(precision, device) for precision in precisions}
    rows = []
    for values in product(tasks, variants, precisions, formats, compiled, batches):
        task, variant, precision, layout, compile_it, batch = values
        setting = Setting(task, variant, precision, layout == "channels_last", compile_it, batch, size)
        flops, saved = count(setting, device)
        case = build(setting, device)
        start_up = seconds_of(case, device)  # compilation, if any, and the first touch of every buffer
        seconds_of(case, device)
        with PeakMemory(device) as memory:
            case()
        rows.append({"setting": setting, "case": case, "flops": flops, "saved": saved, "start_up": start_up})
        rows[-1] |= {"memory": memory.bytes, "seconds": [], "fractions": []}
    if device.type == "cpu":  # as the bundle does for training; only now, so that it is not in the memory figures
        keep_freed_memory()
    for _ in range(rounds):
        for row in rows:
            peak = peaks[row["setting"].precision]
            before = peak.rate()
            seconds, calls = 0.0, 0
            while seconds < 0.4:
                seconds, calls = seconds + seconds_of(row["case"], device), calls + 1
            row["seconds"].append(seconds / calls)
            row["fractions"].append(2 * row["flops"] * calls / seconds / (before + peak.rate()))
    ceilings = measure_ceilings(precisions, formats, peaks, size, device, rounds)
    print("\n| precision | matrix product, TFLOP/s | " + " | ".join(f"convolution, {f}" for f in formats) + " |")
    print("| --- | ---: |" + " ---: |" * len(formats))
    for precision, values in ceilings.items():
        cells = [f"{values['matrix_product'] / 1e12:.3f}", *(f"{values[f]:.2f} of it" for f in formats)]
        print(f"| {precision} | " + " | ".join(cells) + " |")
    print("\n| task | variant | precision | format | compile | batch | images/s | of peak | memory | kept | start-up |")
    print("| --- | --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    results = [summary(row) for row in rows]
    for result in results:
        names = ("task", "variant", "precision", "format", "compile", "batch")
        cells = [str(result[name]) for name in names]
        cells += [f"{result['images_per_second']:.3g}", f"{result['fraction_of_peak']:.2f}"]
        cells += [mebibytes(result["peak_memory"]), mebibytes(result["bytes_kept_for_backward"])]
        print("| " + " | ".join([*cells, f"{result['start_up_seconds']:.1f} s"]) + " |")
    write(shared["out"], device, {"size": size, "ceilings": ceilings, "networks": results})


def measure_ceilings(
    precisions: list[str],
    formats: list[str],
    peaks: dict[str, MatrixProduct],
    size: int,
    device: torch.device,
    rounds: int,
) -> dict[str, dict[str, float]]:
    """Rate of the matrix product, and of the trunk's convolution as a fraction of it, by memory format."""
    ceilings: dict[str, dict[str, float]] = {}
    for precision in precisions:
        rates = [peaks[precision].rate() for _ in range(rounds)]
        ceilings[precision] = {"matrix_product": max(rates)}
        for layout in formats:
            convolution = Convolution(precision, layout == "channels_last", size, device)
            fractions = [convolution.rate() / peaks[precision].rate() for _ in range(rounds)]
            ceilings[precision][layout] = statistics.median(fractions)
    return ceilings


def summary(row: dict[str, Any]) -> dict[str, Any]:
    setting: Setting = row["setting"]
    best = min(row["seconds"])
    return {
        "task": setting.task,
        "variant": setting.variant,
        "precision": setting.precision,
        "format": "channels_last" if setting.channels_last else "contiguous",
        "compile": setting.compiled,
        "batch": setting.batch,
        "images_per_second": setting.batch / best,
        "seconds": row["seconds"],
        "gflop": row["flops"] / 1e9,
        "fraction_of_peak": statistics.median(row["fractions"]),
        "peak_memory": row["memory"],
        "bytes_kept_for_backward": row["saved"],
        "start_up_seconds": row["start_up"],
    }


@main.command()
@click.option("--size", default=256, show_default=True)
@click.option("--batches", default="1,8,32", callback=integers, show_default=True)
@click.option(
    "--sizes", default="256,1024,2048,3072", callback=integers, show_default=True, help="Of the box's images."
)
@click.option("--minutes", default=10.0, show_default=True, help="After which no further case begins.")
@options
def gpu(size: int, batches: list[int], sizes: list[int], minutes: float, **shared: Any) -> None:
    """Measure what decides the defaults on a GPU: precisions, formats, batches, graphs, compilation; and the box."""
    device = prepare(shared)
    if device.type != "cuda":
        raise click.ClickException("gpu: no CUDA device is here; `networks` measures a CPU.")
    found: dict[str, Any] = {"size": size, "box": measure_box(sizes, device), "networks": []}
    print("| box, size | precision | images/s | megapixels/s | memory | gray levels off, mean | most |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    for row in found["box"]:
        cells = [str(row["size"]), row["precision"], f"{1 / row['seconds']:.3g}"]
        cells += [f"{row['size'] ** 2 / row['seconds'] / 1e6:.3g}", mebibytes(row["peak_memory"])]
        cells += [f"{row[name]:.2g}" if name in row else "" for name in ("gray_levels_mean", "gray_levels_most")]
        print("| " + " | ".join(cells) + " |")
    print("\n| task | precision | format | compile | batch | images/s | of peak | memory | start-up |")
    print("| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: |", flush=True)
    for row in measure_cases(settings_of(size, batches), device, 60 * minutes):
        found["networks"].append(row)
        cells = [str(row[name]) for name in ("task", "precision", "format", "compile", "batch")]
        if "error" in row:
            cells += [row["error"], "", "", ""]
        else:
            cells += [f"{row['images_per_second']:.4g}", f"{row['fraction_of_peak']:.3f}"]
            cells += [mebibytes(row["peak_memory"]), f"{row['start_up_seconds']:.1f} s"]
        print("| " + " | ".join(cells) + " |", flush=True)
        write(shared["out"], device, found)


@main.command()
@click.option("--sizes", default="128,256,512,1024,2048", callback=integers, show_default=True)
@click.option("--variant", default="operational", type=click.Choice(VARIANTS), show_default=True)
@click.option("--precisions", default="fp32,bf16", callback=choice("fp32", "bf16", "fp16"), show_default=True)
@click.option("--format", "layout", default="channels_last", type=click.Choice(["contiguous", "channels_last"]))
@click.option("--rounds", default=3, show_default=True)
@options
def scaling(sizes: list[int], variant: str, precisions: list[str], layout: str, rounds: int, **shared: Any) -> None:
    """Measure how time a pixel and peak memory go with the size of the image, restored in one piece."""
    device = prepare(shared)
    results = []
    for precision in precisions:
        peak = MatrixProduct(precision, device)
        shapes = {
            size: Setting("inference", variant, precision, layout == "channels_last", "no", 1, size) for size in sizes
        }
        memory, costs = {}, {size: [] for size in sizes}
        for size, setting in shapes.items():
            case = Inference(setting, device)
            with PeakMemory(device) as measured:
                case()
            memory[size] = measured.bytes
        for _ in range(rounds):
            for size, setting in shapes.items():
                case, repeats = Inference(setting, device), max(1, (512 // size) ** 2)
                before = peak.rate()
                seconds = sum(seconds_of(case, device) for _ in range(repeats)) / repeats
                costs[size].append((seconds / size**2 * 1e9, seconds * (before + peak.rate()) / 2 / size**2))
        reference = statistics.median(relative for _, relative in costs[min(sizes, key=lambda s: abs(s - 256))])
        print(f"\n| {precision}, size | ns a pixel | against the peak, 256 px = 1 | peak memory |")
        print("| ---: | ---: | ---: | ---: |")
        for size in sizes:
            time, relative = (statistics.median(values) for values in zip(*costs[size]))
            print(f"| {size} | {time:.0f} | {relative / reference:.2f} | {mebibytes(memory[size])} |")
            result = {"precision": precision, "size": size, "nanoseconds_a_pixel": time, "peak_memory": memory[size]}
            results.append({**result, "relative": relative / reference})
    write(shared["out"], device, {"variant": variant, "format": layout, "scaling": results})


@main.command()
@click.option("--images", default=32, show_default=True, help="Images of each domain.")
@click.option("--pixels", default=1024, show_default=True, help="Rows and columns of each file.")
@click.option("--size", default=256, show_default=True, help="Size of the training images.")
@click.option("--workers", default="0,2", callback=integers, show_default=True)
@options
def loading(images: int, pixels: int, size: int, workers: list[int], **shared: Any) -> None:
    """Measure the unpaired loader as the bundle sets it up, against the training step."""
    device = prepare(shared)
    setting = Setting("training", "operational", "fp32", device.type != "cpu", "no", 1, size)
    step = build(setting, device)
    if device.type == "cpu":
        keep_freed_memory()
    step()
    steps = 1 / min(seconds_of(step, device) for _ in range(3))
    print(f"a training step: {steps:.2f} a second\n")
    print("| files | cached | workers | pairs/s | of the step's rate |\n| --- | --- | ---: | ---: | ---: |")
    results = []
    for result in loading_rates(images, pixels, size, workers):
        result["of_step_rate"] = result["pairs_per_second"] / steps
        results.append(result)
        cells = [result["files"], "yes" if result["cached"] else "no", str(result["workers"])]
        cells += [f"{result['pairs_per_second']:.1f}", f"{result['of_step_rate']:.1f}"]
        print("| " + " | ".join(cells) + " |", flush=True)
    write(shared["out"], device, {"steps_per_second": steps, "pixels": pixels, "size": size, "loading": results})


@main.command()
@click.option("--files", default="png,dicom", callback=choice(*KINDS), show_default=True, help="256 and 2,000 pixels.")
@click.option("--images", default="500,50", callback=integers, show_default=True, help="Of each kind of file.")
@click.option(
    "--models", default="box,operational", show_default=True, help="Model files, box, or a new operational one."
)
@click.option("--size", default="auto", type=click.Choice(["auto", "trained", "native"]), show_default=True)
@click.option("--precisions", default="fp32", callback=choice("fp32", "bf16"), show_default=True)
@click.option("--workers", default=0, show_default=True, help="Processes that read ahead; 0: a thread.")
@options
def restoring(
    files: list[str],
    images: list[int],
    models: str,
    size: str,
    precisions: list[str],
    workers: int,
    **shared: Any,
) -> None:
    """Measure the restore command against the network alone, and what its stages take."""
    device = prepare(shared)
    print("| files | model | precision | network, images/s | restore, images/s | of it | by processor | ms an image |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | --- |")
    results = []
    for (kind, number), model, precision in product(zip(files, images), models.split(","), precisions):
        result = measure_restoring(kind, number, model, size, precision, workers)
        results.append(result)
        cells = [f"{number} {kind}", model, precision, f"{result['network_images_per_second']:.2f}"]
        cells += [f"{result['restore_images_per_second']:.2f}", f"{result['of_network']:.2f}"]
        cells.append(f"{result['of_network_by_processor']:.2f}")
        stages = [f"{name} {times['processor_ms']:.0f}" for name, times in result["stages"].items()]
        print(
            "| " + " | ".join([*cells, f"{result['network_processor_ms']:.0f}; {', '.join(stages)}"]) + " |", flush=True
        )
    write(shared["out"], device, {"restoring": results})


@main.command()
@click.option("--counts", default="1,2,4", callback=integers, show_default=True, help="Processes; on GPUs as fit.")
@click.option("--variant", default="operational", type=click.Choice(VARIANTS), show_default=True)
@click.option("--features", default=None, type=int, help="Width of the generators; default as published.")
@click.option("--precision", default="fp32", type=click.Choice(["fp32", "bf16", "fp16"]), show_default=True)
@click.option("--size", default=None, type=int, help="Default 64 on the CPU, 256 on GPUs.")
@click.option("--rounds", default=3, show_default=True)
@click.option(
    "--step-times", default="20,50,100,200,500", callback=integers, show_default=True, help="In ms, of a GPU."
)
@click.option("--cpu", is_flag=True, help="Even where there are GPUs.")
@click.option("--out", type=click.Path(path_type=Path), help="JSON file to write.")
def processes(
    counts: list[int],
    variant: str,
    features: int | None,
    precision: str,
    size: int | None,
    rounds: int,
    step_times: list[int],
    cpu: bool,
    out: Path | None,
) -> None:
    """Measure training by several processes and the averaging of gradients, and calculate the latter for many GPUs."""
    gpu = torch.cuda.is_available() and not cpu
    size = size or (256 if gpu else 64)
    counts = [count for count in counts if not gpu or count <= torch.cuda.device_count()]
    setting = Setting("training", variant, precision, False, "no", 1, size, channels=3, features=features)
    results = with_ratios([measure_processes(count, setting, rounds, gpu) for count in counts])
    print("\n".join(processes_table(results)))
    volume, calls = sum(results[-1]["bytes"]), sum(results[-1]["collectives"].values())
    print(f"\nA step averages {volume:,} bytes; its all-reduces are {calls}, in the bundle {calls + OF_BUNDLE}.\n")
    print("\n".join(machines_table(volume, calls + OF_BUNDLE, step_times)))
    measured = {"setting": asdict(setting), "bytes": volume, "all_reduces": calls, "processes": results}
    write(out, torch.device("cuda" if gpu else "cpu"), measured)


@main.command()
@click.option("--python", "interpreter", required=True, help="One that has tensorflow-cpu 2.15.")
@click.option("--tasks", default="training,inference", callback=choice("training", "inference"), show_default=True)
@click.option("--size", default=256, show_default=True)
@click.option("--threads", default=1, show_default=True, help="1 is timed by processor time.")
@click.option("--rounds", default=7, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="JSON file to write.")
def versus(interpreter: str, tasks: list[str], size: int, threads: int, rounds: int, out: Path | None) -> None:
    """Measure beside the published method in TensorFlow, step by step in turn."""
    print("| task | | s, least | times as fast | by least | peak memory |\n| --- | --- | ---: | ---: | ---: | ---: |")
    results = []
    for task in tasks:
        for result in compare(interpreter, task, size, threads, rounds):
            results.append(result)
            cells = [task, result["name"], f"{result['least']:.3f}", f"{result['times_as_fast']:.2f}"]
            cells += [f"{result['times_as_fast_by_least']:.2f}", mebibytes(result["peak_memory"])]
            print("| " + " | ".join(cells) + " |", flush=True)
    write(out, torch.device("cpu"), {"size": size, "versus": results})


@main.command("start_up", context_settings={"ignore_unknown_options": True})
@click.argument("settings", nargs=-1)
@click.option("--runs", default=3, show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="JSON file to write.")
def start_up(settings: tuple[str, ...], runs: int, threads: int, out: Path | None) -> None:
    """Measure a training run until its first step, with SETTINGS of the bundle such as --features 64."""
    results = start_up_costs(runs, threads, settings)
    print("| | processor time | of it importing torch and MONAI | by the clock |\n| --- | ---: | ---: | ---: |")
    for name, pick in (("least", min), ("median", statistics.median)):
        cells = [f"{pick(result[clock] for result in results):.2f} s" for clock in ("processor", "monai", "clock")]
        print("| " + " | ".join([name, *cells]) + " |")
    write(out, torch.device("cpu"), {"settings": settings, "start_up": results})


def prepare(shared: dict[str, Any]) -> torch.device:
    if shared["threads"]:
        torch.set_num_threads(shared["threads"])
    device: torch.device = shared["device"]
    print(f"{describe(device)}, torch {torch.__version__}")
    return device


def describe(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = torch.cpu.get_capabilities().get("cpu_name", platform.processor())
    return f"{name}, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"


def mebibytes(count: int | None) -> str:
    return "" if count is None else f"{count / 2**20:,.0f} MiB"


def write(out: Path | None, device: torch.device, results: dict[str, Any]) -> None:
    if out is not None:
        out.write_text(json.dumps({"device": describe(device), "torch": torch.__version__, **results}, indent=2))


if __name__ == "__main__":
    main()
