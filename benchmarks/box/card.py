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

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from monai_r2c.utils.bundle_folder import bundle_folder
from monai_r2c.utils.files import write_text_atomically

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/source/model_card.md"
_BEDS = {
    "known_nih": ("`known`", "NIH, other patients"),
    "unknown_nih": ("`unknown`", "NIH, other patients"),
    "foreign_nih": ("`foreign`", "NIH, other patients"),
    "known_hannover": ("`known`", "Hannover, not in training"),
    "unknown_hannover": ("`unknown`", "Hannover, not in training"),
    "foreign_hannover": ("`foreign`", "Hannover, not in training"),
    "unknown_native": ("`unknown`, at 1024 pixels", "NIH, other patients"),
}
_REAL = {"real_nih": "NIH, other patients", "real_hannover": "Hannover, not in training"}
_FIGURES = {
    "severity": ("figures/box_severity.png", "SSIM to the original of poor and restored images over each fault"),
    "worst": ("figures/box_worst.png", "The ten test images that lost most: poor, restored, original"),
}
_IN_THE_BUNDLE = "*(The figure stands on this card's page in the documentation, docs/source/model_card.md.)*"


def write_card(found: Mapping[str, Any], training: Mapping[str, Any]) -> None:
    """Write the card as a page of the documentation, with figures, and as the bundle's ``docs/README.md``."""
    template = Template((HERE / "card.md").read_text(encoding="utf-8"))
    parts = _parts(found, training)
    shown = {name: f"![{title}]({path})\n\n*{title}.*" for name, (path, title) in _FIGURES.items()}
    write_text_atomically(PAGE, template.substitute(parts, **shown))
    hidden = dict.fromkeys(_FIGURES, _IN_THE_BUNDLE)
    write_text_atomically(bundle_folder() / "docs/README.md", template.substitute(parts, **hidden))


def write_metadata(found: Mapping[str, Any]) -> None:
    """Write the scores into the bundle's ``metadata.json``."""
    path = bundle_folder() / "configs/metadata.json"
    metadata = json.loads(path.read_text(encoding="utf-8"))
    scores = {}
    for bed in _BEDS:
        for name in ("psnr", "ssim"):
            scores[f"{name}_restored_{bed}"] = round(found["beds"][bed]["scores"][f"{name}_restored"]["mean"], 3)
            scores[f"{name}_gain_{bed}"] = round(found["beds"][bed]["scores"][f"{name}_gain"]["mean"], 3)
    for name in ("head", "indicators"):
        scores[f"auc_{name}"] = round(found["classes"]["all"][name]["mean"], 3)
    metadata["eval_metrics"] = scores
    write_text_atomically(path, json.dumps(metadata, indent=2, ensure_ascii=False) + "\n")


def _parts(found: Mapping[str, Any], training: Mapping[str, Any]) -> dict[str, str]:
    cost, flags = found["cost"], found["flags"]
    beds = found["beds"]
    sizes = [int(key.removeprefix("seconds_")) for key in cost if key.startswith("seconds_")]
    steps = Counter[int]()
    runs = [stage for stage in training["stages"] if "mean_of" not in stage]
    for stage in runs:
        steps[_images_a_step(stage)] += stage["steps"]
    ways = [stage for stage in runs if stage["kind"] == "working size"]
    sizes_trained = " then ".join(str(stage["settings"]["image_size"]) for stage in ways)
    images = training["images"]
    return {
        "line": found["line"],
        "command": "\n".join(training["commands"]),
        "training_images": f"{sum(images.values())} frontal chest radiographs of {training['patients']} adults, of "
        "NIH ChestX-ray14 in a public sample, of 256 x 256 pixels and, some of the good ones, of 1024 x 1024: "
        f"{images['good']} good and middling ones and {images['poor']} poor ones; {training['validation']} more, of "
        "other patients, with faults added, chose the epoch.",
        "trained": " and ".join(
            f"{count} steps of {batch} image{'s' * (batch > 1)}" for batch, count in sorted(steps.items())
        )
        + f" in {len(training['stages'])} stages, which the table lists, at "
        f"{sizes_trained} pixels and then on crops of 256 pixels at the images' own size, on {_cores(training)}"
        f"{_on_gpu(training['stages'])}",
        "stages": _stage_table(training["stages"]),
        "beds": _bed_table(beds),
        "real": _real_table(beds),
        "gradient": _span([beds[bed]["scores"]["gradient_restored"]["mean"] for bed in _BEDS]),
        "loses": _losing(beds),
        "classes": _class_table(found["classes"]),
        "class_names": " or ".join(found["classes"]["classes"]),
        "flags": _flag_table(flags),
        "halves": _percent(flags["halves"]["flagged"]),
        "without": _percent(flags["halves"]["flagged_without_unseen"]),
        "parameters": f"{cost['parameters'] / 1e6:.2f}",
        "megabytes": f"{cost['megabytes']:.1f}",
        "cost": "; ".join(
            f"{size} x {size} pixels in {cost[f'seconds_{size}']:.2f} s, and {cost[f'check_seconds_{size}']:.2f} s for "
            "the flags"
            for size in sizes
        ),
        "peak": f"{cost['peak_mib']:.0f}",
        "processor": cost["host"],
    }


def _stage_table(stages: Sequence[Mapping[str, Any]]) -> str:
    lines = ["| stage | starts from | size of training | steps | images a step | seed | commit |"]
    lines.append("| ---: | --- | --- | ---: | ---: | ---: | --- |")
    for number, stage in enumerate(stages, 1):
        if "mean_of" in stage:
            lines.append(f"| {number} | | the mean of the weights of {_listed(stage['mean_of'])} | | | | |")
            continue
        settings = stage["settings"]
        whole = stage["kind"] == "working size"
        size = f"{settings['image_size']} pixels" if whole else "crops of 256 pixels, thumbnails of the whole"
        start = stage.get("from", number - 1) or "nothing"
        cells = (number, start, size, stage["steps"], _images_a_step(stage), settings["seed"], f"`{stage['commit']}`")
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _images_a_step(stage: Mapping[str, Any]) -> int:
    return int(stage["settings"].get("batch_size", 1)) * int(stage.get("processes", 1))


def _cores(training: Mapping[str, Any]) -> str:
    several = [number for number, stage in enumerate(training["stages"], 1) if stage.get("processes", 1) > 1]
    on_two = f", stage {_listed(several)} on two" if several else ""
    return f"one core{on_two}, those of the last of {training['host']}"


def _listed(numbers: Sequence[int]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}" if first else last


def _on_gpu(stages: Sequence[Mapping[str, Any]]) -> str:
    runs = [(str(number), stage["settings"]) for number, stage in enumerate(stages, 1) if "mean_of" not in stage]
    numbers = [number for number, settings in runs if settings.get("device") == "cuda"]
    return f", stage {' and '.join(numbers)} on a GPU" * bool(numbers)


def _bed_table(beds: Mapping[str, Any]) -> str:
    lines = [
        "| faults | images | PSNR poor → restored | gain, dB | tone kept, dB | SSIM poor → restored | gain "
        "| detail, dB | gradient | flagged `worse` | flagged `unfamiliar` |"
    ]
    lines.append("| --- | --- |" + " ---: |" * 9)
    for key, (bed, source) in _BEDS.items():
        scores = beds[key]["scores"]
        cells = [bed, f"{beds[key]['count']}, {source}"]
        for name, digits in (("psnr", 2), ("ssim", 3)):
            before, after = scores[name]["mean"], scores[f"{name}_restored"]["mean"]
            cells += [f"{before:.{digits}f} → {after:.{digits}f}", _interval(scores[f"{name}_gain"], digits)]
            if name == "psnr":
                cells.append(f"{scores['psnr_tone_kept']['mean']:.2f}")
        cells += [f"{scores['detail_snr']['mean']:.1f} → {scores['detail_snr_restored']['mean']:.1f}"]
        cells += [f"{scores['gradient']['mean']:.2f} → {scores['gradient_restored']['mean']:.2f}"]
        cells += [_percent(beds[key]["flagged"][name]) for name in ("worse", "unfamiliar")]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _real_table(beds: Mapping[str, Any]) -> str:
    lines = [
        "| images | NIQE as they are | restored | change | flagged `worse` |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for key, source in _REAL.items():
        scores = beds[key]["scores"]
        cells = [f"{beds[key]['count']}, {source}"]
        cells += [f"{scores[name]['mean']:.2f}" for name in ("niqe", "niqe_restored")]
        lines.append(
            f"| {' | '.join([*cells, _interval(scores['niqe_gain'], 2), _percent(beds[key]['flagged']['worse'])])} |"
        )
    return "\n".join(lines)


def _losing(beds: Mapping[str, Any]) -> str:
    parts = []
    for key, (bed, source) in _BEDS.items():
        images = beds[key]["images"]
        lost = sum(after < before for before, after in zip(images["ssim"], images["ssim_restored"]))
        if lost:
            parts.append(f"{lost} of {len(images['ssim'])} in {bed} ({source.split(',')[0]})")
    return ", ".join(parts) or "none"


def _class_table(classes: Mapping[str, Any]) -> str:
    lines = ["| test images | class head | logistic regression on indicators |", "| --- | ---: | ---: |"]
    for key, title in (("all", "all"), ("matched", "pairs alike in noise, mean, contrast and sharpness")):
        found = classes[key]
        cells = [f"{title}, {found['count']}", *(_interval(found[name], 2) for name in ("head", "indicators"))]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _flag_table(flags: Mapping[str, Any]) -> str:
    lines = ["| images | number | flagged unfamiliar | median score (limit 1) |", "| --- | ---: | ---: | ---: |"]
    for name, rate in flags["rates"].items():
        lines.append(f"| {name} | {rate['count']} | {_percent(rate['flagged'])} | {rate['median']:.2f} |")
    return "\n".join(lines)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %".replace(".0 %", " %")


def _interval(score: Mapping[str, float], digits: int) -> str:
    if math.isnan(score["low"]):
        return f"{score['mean']:.{digits}f}"
    return f"{score['mean']:.{digits}f} ({score['low']:.{digits}f} to {score['high']:.{digits}f})"


def _span(values: list[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"
