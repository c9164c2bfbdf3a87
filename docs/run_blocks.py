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

"""Run every command and every Python block of README and the documentation, page by page, in the order of reading.

    python docs/run_blocks.py [PAGE ...]

Each page has a folder of its own with phantoms under the names that the pages use (DIR, FOLDER, RUN, pacs, ...), and
the blocks of a page follow one another in it. Commands run as printed but for the size: trainings are given small
images, narrow networks and one epoch. Diffs are applied. Blocks marked ``not run`` are listed with their reason.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS), str(DOCS.parent), str(DOCS.parent / "tests")]

from blocks import RUN, TREE, Block, blocks_of, commands_of, pages  # noqa: E402
from quick_python import serve  # noqa: E402

BUNDLE = TREE / "bundles/chest_xray_restore_classify"
SMALL = "--image_size 32 --features 8 --max_epochs 1 --device cpu"
# what is added to the commands that would take long
SHORTER = (
    (r"-m monai\.bundle run training\b", SMALL),
    (r"-m monai_r2c phantom\b", "--size 32 --train 2 --validation 2 --test 2"),
)
_LONGEST = 900  # seconds that a block may take


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", type=Path)
    chosen = [page.resolve() for page in parser.parse_args().pages] or pages()
    failed = passed = 0
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder) / "bin") as programs:
        os.environ["PATH"] = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
        world = Path(folder) / "world"
        make_world(world)
        for number, page in enumerate(chosen):
            blocks = [block for block in blocks_of(page) if block.language in RUN]
            if not blocks:
                continue
            place = Path(folder) / f"page{number}"
            shutil.copytree(world, place, symlinks=True)
            for block, error, seconds in run_page(blocks, place):
                if block.reason:
                    print(f"not run         {block.place} ({block.language}): {block.reason}", flush=True)
                    continue
                failed += bool(error)
                passed += not error
                print(f"{'FAILED' if error else 'ok':6} {seconds:6.1f} s {block.place} ({block.language})", flush=True)
                if error:
                    print(error, flush=True)
            os.chdir(TREE)
            shutil.rmtree(place)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


def make_world(world: Path) -> None:
    """Lay out what the pages speak of: phantoms in their folders, a trained and evaluated run, the bundle."""
    import torch
    from radiograph_files import ramp, write_dicom_file

    from monai_r2c.data import write_phantom_dataset
    from monai_r2c.networks import R2CGenerator, save_model

    world.mkdir()
    for name in ("bundles", "docs", "constraints.txt"):
        (world / name).symlink_to(TREE / name)
    # the page on extending adds a file to it
    shutil.copytree(TREE / "benchmarks", world / "benchmarks", ignore=shutil.ignore_patterns("results", "__pycache__"))
    (world / "configs").symlink_to(BUNDLE / "configs")
    write_phantom_dataset(world / "data", {"train": 10, "validation": 4, "test": 4}, size=64, seed=0)
    _sort_by_class(world)
    for name in ("NEW_IMAGES", "new_images", "IMAGES", "pacs", "radiographs", "poor_study", "path/to/images"):
        shutil.copytree(world / "data/test/poor", world / name)
    write_dicom_file(world / "chest.dcm", ramp(12, 64, 56))
    for copy in ("pacs/cr_chest_mono1_15bit_j2k.dcm", "more/files.dcm"):
        (world / copy).parent.mkdir(exist_ok=True)
        shutil.copy(world / "chest.dcm", world / copy)
    torch.manual_seed(0)
    save_model(world / "model.pt", R2CGenerator(2, features=8), ["non-covid", "covid"], 32)
    (world / "runs").mkdir()
    shutil.copy(world / "model.pt", world / "runs/model.pt")
    shutil.copytree(BUNDLE, world / "bundle")
    shutil.copy(world / "model.pt", world / "bundle/models/model.pt")
    shutil.copytree(world / "bundle", world / "shared" / BUNDLE.name)
    shutil.make_archive(str(world / "shared" / BUNDLE.name), "zip", world / "shared", BUNDLE.name)
    _run(
        "python -m monai.bundle run training --config_file configs/train.yaml --dataset_dir DIR --output_dir RUN "
        + SMALL,
        world,
    )


def _sort_by_class(world: Path) -> None:
    """FOLDER/covid and FOLDER/normal hold all qualities; poor/covid, good/covid ... one; DIR has one folder a class."""
    with open(world / "data/labels.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if "/clean/" not in row["file"]]
    manifest = ["file,label,quality,split,patient_id"]
    for number, row in enumerate(rows):
        section, domain, _ = row["file"].split("/")
        ill = row["label"] == "covid"
        name, control = ("covid", "covid") if ill else ("normal", "control")
        for folder in (
            f"FOLDER/{name}",
            f"{domain}/{name}",
            f"qata/{control}",
            f"DIR/{section}/{domain}/{row['label']}",
        ):
            (world / folder).mkdir(parents=True, exist_ok=True)
            shutil.copy(world / "data" / row["file"], world / folder / f"p{number:03}_{section}.png")
        manifest.append(f"{row['file']},{row['label']},{domain},{section},p{number}")
    (world / "data/manifest.csv").write_text("\n".join(manifest) + "\n")


def run_page(blocks: list[Block], place: Path):
    """Run the blocks of a page in its folder; yield each with what went wrong, "" if nothing, and its seconds."""
    names: dict = {"__name__": "__main__"}
    settings: list[str] = []
    for block in blocks:
        if block.reason:
            yield block, "", 0.0
            continue
        start = time.perf_counter()
        try:
            if block.language == "python":
                _execute(block, place, names)
            elif block.language == "diff":
                _run(f"git apply - <<'END'\n{block.text}END", place)
            else:
                _run(_shell(block, settings), place)
            error = ""
        except Exception as failure:
            error = str(failure) if isinstance(failure, RuntimeError) else traceback.format_exc(limit=-3)
        yield block, error, time.perf_counter() - start


def _execute(block: Block, place: Path, names: dict) -> None:
    os.chdir(place)
    with contextlib.redirect_stdout(io.StringIO()):
        for text in (block.before, block.text):
            exec(compile(text, block.place, "exec"), names)


def _shell(block: Block, settings: list[str]) -> str:
    """Return the block's commands, small, after the variables that earlier blocks of the page set."""
    lines = []
    for line in commands_of(block):
        if re.match(r"\w+=\S+$", line):
            settings.append(line)
        lines.append(next((f"{line} {small}" for command, small in SHORTER if re.search(command, line)), line))
    return "\n".join([*settings, block.before, *lines])


def _run(commands: str, place: Path) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        timeout=_LONGEST,
    )
    if done.returncode:
        raise RuntimeError(f"{commands}\nexit status {done.returncode}\n{(done.stdout + done.stderr)[-1500:]}")


if __name__ == "__main__":
    main()
