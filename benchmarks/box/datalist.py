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

"""What the restorer in the box learns from: a datalist of the training patients, and degraded validation images.

python -m benchmarks.box.datalist --data DATA --native NATIVE --out FOLDER
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.restoration.groups import deal_patients
from benchmarks.restoration.images import write_image
from benchmarks.restoration.radiographs import check_data, read_list
from benchmarks.restoration.settings import read_settings
from monai_r2c.transforms import LoadRadiograph, ResizeShortest
from monai_r2c.utils.files import write_text_atomically

SIZE = 256
SEED = 0
SHARES = {"training": 0.9, "validation": 0.1}
BLEND = "unknown"  # of the benchmark's config.yaml: not what the training degrades with
MOST_NATIVE = 6  # validation images of full size
CLASSES = ("no-finding", "pneumonia")


def write_datalist(data: Path, folder: Path, native: Path | None = None) -> Path:
    """Write ``datalist.json`` and the validation images to `folder`.

    Training patients are dealt to training and validation. Good and mid images are the good domain, poor ones the poor
    domain, which training on synthetic pairs alone does not look at. Validation degrades good images by the
    benchmark's `unknown` faults, once, so that the score that stops the training is of faults that it does not draw.

    Args:
        data: folder of the collection of 256 pixels a side, with ``manifest.csv``.
        folder: new or existing.
        native: folder of images of full size with a ``manifest.csv`` of its own, whose patients are dealt alike: more
            good ones; a few validation images of them keep their size.
    """
    radiographs = read_list()
    check_data(data, radiographs)
    groups = deal_patients(radiographs, SHARES, SEED)
    faults = read_settings().blend(BLEND)["faults"]
    sections: dict[str, dict[str, list]] = defaultdict(lambda: {"poor": [], "good": []})
    listed = [(data / r.file, r.label, r.patient, r.quality) for r in radiographs]
    natives = 0
    listed += [] if native is None else _native_images(native)
    for number, (file, label, patient, quality) in enumerate(listed):
        group = groups.get(patient, "test")
        if group == "test":
            continue
        source = file.resolve()
        item = {"image": str(source), "label": CLASSES.index(label), "patient": patient}
        if group == "training":
            sections[group]["poor" if quality == "poor" else "good"].append(item)
        elif quality == "good" and (number < len(radiographs) or natives < MOST_NATIVE):
            clean = LoadRadiograph()(source).as_tensor().clamp(0, 1)
            natives += number >= len(radiographs)
            clean = ResizeShortest(SIZE)(clean) if number < len(radiographs) else clean
            stream = np.random.SeedSequence(SEED, spawn_key=(number,))
            faults.set_random_state(seed=int(stream.generate_state(1)[0]))
            poor = (folder / "validation" / f"{source.stem}.png").resolve()
            write_image(poor, faults({"image": clean})["image"])
            sections[group]["poor"].append({**item, "image": str(poor), "reference": str(source)})
            sections[group]["good"].append(item)
    contents = {"classes": list(CLASSES), **sections, "testing": {"poor": [], "good": []}}
    write_text_atomically(folder / "datalist.json", json.dumps(contents, indent=1) + "\n")
    return folder / "datalist.json"


def _native_images(folder: Path) -> list[tuple[Path, str, str, str]]:
    """File, label, patient and quality of the training images of full size, which are all good."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    return [(folder / row["file"], row["label"], row["patient_id"], "good") for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of the collection, with manifest.csv and images/"
    )
    parser.add_argument("--out", type=Path, required=True, help="new or existing folder")
    parser.add_argument("--native", type=Path, help="folder of images of full size, with manifest.csv")
    options = parser.parse_args()
    path = write_datalist(options.data, options.out, options.native)
    contents = json.loads(path.read_text())
    for section in ("training", "validation"):
        print(f"{section}: {', '.join(f'{len(items)} {domain}' for domain, items in contents[section].items())}")
    print(path)


if __name__ == "__main__":
    main()
