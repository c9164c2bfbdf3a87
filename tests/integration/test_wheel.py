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
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

import monai_r2c
from monai_r2c.data.phantom import write_phantom_dataset
from monai_r2c.networks import box_path

pytestmark = pytest.mark.slow
TREE = Path(__file__).parents[2]
PACKED = {".ci", "benchmarks", "bundles", "docs", "monai_r2c", "tests"}
REPOSITORY = "https://example.org/someone/monai_r2c"
# what a working tree holds beside what is packed
MADE = (
    "__pycache__",
    "*.pyc",
    "*.pt",
    "*.ts",
    "*.onnx",
    "*.egg-info",
    "build",
    "dist",
    "runs",
    "generated",
    ".*_cache",
)


def _build(kind: str, tree: Path, output: Path, **environment: str) -> Path:
    output.mkdir(exist_ok=True)
    code = f"from setuptools import build_meta; build_meta.build_{kind}({str(output)!r})"
    subprocess.run(
        [sys.executable, "-c", code], cwd=tree, check=True, capture_output=True, env={**os.environ, **environment}
    )
    (built,) = output.iterdir()
    return built


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone would hold."""
    copy = tmp_path_factory.mktemp("tree") / "monai_r2c"
    copy.mkdir()
    for path in TREE.iterdir():
        if path.is_file() and path.name not in (".git", "PKG-INFO", "setup.cfg"):
            shutil.copy(path, copy)
        elif path.name in PACKED:
            shutil.copytree(path, copy / path.name, ignore=shutil.ignore_patterns(*MADE))
    if box_path().is_file():
        shutil.copy(box_path(), copy / "bundles/chest_xray_restore_classify/models")
    return copy


@pytest.fixture(scope="module")
def sdist(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source distribution."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(_build("sdist", tree, folder / "packed")) as archive:
        archive.extractall(folder, filter="data")
    return next(path for path in folder.iterdir() if path.name != "packed")


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the source distribution."""
    return _build("wheel", sdist, tmp_path_factory.mktemp("wheel"))


def _files(folder: Path) -> set[str]:
    made = re.compile(r"PKG-INFO|setup\.cfg|.*\.egg-info/.*|build/.*")
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in names if not made.fullmatch(name)}


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def test_source_distribution_is_the_tree_with_its_tests(tree: Path, sdist: Path) -> None:
    assert _files(sdist) == _files(tree)
    assert {"tests/conftest.py", "tests/bundle/metadata_schema.json", "Makefile", "constraints.txt"} <= _files(sdist)


def test_wheel_holds_every_file_of_the_package_and_the_bundle(tree: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == {
        name if name.startswith("monai_r2c/") else f"monai_r2c/{name}"
        for name in _files(tree)
        if name.startswith(("monai_r2c/", "bundles/"))
    }
    assert "monai_r2c/py.typed" in packed


def test_metadata_say_what_an_index_asks_for(wheel: Path) -> None:
    metadata = _metadata(wheel)
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["License"] is None
    assert metadata.get_all("License-File") == ["LICENSE", "NOTICE"]
    urls = dict(entry.split(", ") for entry in metadata.get_all("Project-URL"))
    assert urls["Paper"] == "https://arxiv.org/abs/2209.14770"
    classifiers = metadata.get_all("Classifier")
    assert {f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)} <= set(classifiers)
    assert "MONAI" in metadata["Keywords"].split(",")
    assert metadata["Version"] == monai_r2c.__version__


def test_description_has_no_relative_link_and_the_picture_of_the_repository(wheel, sdist, tmp_path: Path) -> None:
    links = re.compile(r"\]\(([^)]+)\)")
    without = _metadata(wheel).get_payload()
    assert all(link.startswith("https://") for link in links.findall(without))
    assert "![" not in without
    described = _metadata(_build("wheel", sdist, tmp_path, MONAI_R2C_REPOSITORY=REPOSITORY))
    assert all(link.startswith("https://") for link in links.findall(described.get_payload()))
    version = f"v{monai_r2c.__version__}"
    assert f"]({REPOSITORY}/raw/{version}/docs/source/figures/box_restored.png)" in described.get_payload()
    assert f"]({REPOSITORY}/blob/{version}/docs/source/bundle.md)" in described.get_payload()
    assert f"Source, {REPOSITORY}" in described.get_all("Project-URL")


@pytest.mark.timeout(600)
def test_wheel_alone_writes_the_bundle_trains_evaluates_and_restores(wheel: Path, tmp_path: Path) -> None:
    """In an environment of its own, which sees the installed dependencies but not this tree."""
    venv.create(tmp_path / "environment", with_pip=False)
    python = tmp_path / "environment/bin/python"
    scheme = {"base": str(tmp_path / "environment"), "platbase": str(tmp_path / "environment")}
    packages = Path(sysconfig.get_path("purelib", "venv", scheme))
    # a path in a .pth file brings the packages in, but not the .pth files beside them, such as of an editable install
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--ignore-installed", str(wheel)], check=True, capture_output=True)

    marked = packages / "monai_r2c/bundles/chest_xray_restore_classify/configs/train.yaml"
    marked.write_text(f"# of the installed package\n{marked.read_text()}")

    def run(*command: object, folder: Path = tmp_path) -> str:
        given = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        words = [str(part) for part in (python, "-W", "ignore", *command)]
        result = subprocess.run(words, cwd=folder, env=given, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    images, output, bundle = tmp_path / "images", tmp_path / "run", tmp_path / "bundle"
    write_phantom_dataset(images, {"train": 2, "validation": 2, "test": 2}, size=32)
    said = run(tmp_path / "environment/bin/monai-r2c", "bundle", "bundle").splitlines()
    assert (bundle / "configs/train.yaml").read_text() == marked.read_text()
    place = said.index("  cd bundle")
    # the command that was said, on these images, with the smallest networks
    command = shlex.split(said[place + 1].replace("IMAGES", str(images)).replace("RUN", str(output)))
    small = {
        "image_size": 16,
        "features": 4,
        "discriminator_features": 4,
        "max_epochs": 1,
        "classes": "non-covid,covid",
    }
    run(*command[1:], *(part for key, value in small.items() for part in (f"--{key}", value)), folder=bundle)
    both = "['configs/train.yaml','configs/evaluate.yaml']"
    start = ("-m", "monai.bundle", "run")
    run(*start, "evaluating", "--config_file", both, "--output_dir", output, "--resamples", 20, folder=bundle)
    assert (output / "report.html").is_file()
    restored = tmp_path / "restored"
    given = ("--images", images / "test/poor", "--output_dir", restored, "--model", output / "model.pt")
    run(*start, "inference", "--config_file", "configs/inference.yaml", *given, folder=bundle)
    with (restored / "predictions.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(list((images / "test/poor").iterdir())) == 2
