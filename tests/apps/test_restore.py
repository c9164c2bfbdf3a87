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
import errno
import hashlib
import importlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import torch
from click.testing import CliRunner, Result
from long_run import in_process
from PIL import Image
from radiograph_files import ramp, write_dicom_file

from monai_r2c.apps.restore import plan_restoration, restore
from monai_r2c.inferers import with_tone_of
from monai_r2c.networks import NativeGenerator, R2CGenerator, load_restorer, save_model
from monai_r2c.transforms import LoadRadiograph
from monai_r2c.utils import InputError, RunError

CLASSES = ("non-covid", "covid")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "model.pt"
    save_model(path, R2CGenerator(2, features=4), CLASSES, 32)
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    Image.fromarray(ramp(8)).save(folder / "a.png")
    Image.fromarray(ramp(16)).save(folder / "sub/b.png")
    write_dicom_file(folder / "sub/c.dcm", ramp(12), PhotometricInterpretation="MONOCHROME1")
    return folder


@pytest.fixture
def bad_images(images: Path) -> Path:
    (images / "bad.png").write_bytes((images / "a.png").read_bytes()[:60])
    write_dicom_file(images / "ct.dcm", ramp(12), Modality="CT")
    (images / "README.md").write_text("not an image")
    return images


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(restore, [str(argument) for argument in arguments])


def rows(output: Path) -> dict[str, dict[str, str]]:
    with (output / "predictions.csv").open(newline="") as table:
        return {row["file"]: row for row in csv.DictReader(table)}


def files(folder: Path) -> set[str]:
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return found - {".restore/journal-0", ".restore/lock"}


def test_each_image_is_restored_in_its_place_kind_size_and_depth(images: Path, tmp_path: Path, model: Path) -> None:
    output = tmp_path / "out"
    result = run(images, "--model", model, "--output", output)
    assert result.exit_code == 0, result.output
    assert "Found 3 files: 3 read (3 restored, 0 refused), 0 skipped (0 already done, 0 passed over)" in result.output
    assert files(output) == {"a.png", "sub/b.png", "sub/c.dcm", "predictions.csv", "restore.json"}
    for name in ("a.png", "sub/b.png", "sub/c.dcm"):
        source, written = LoadRadiograph()(images / name), LoadRadiograph()(output / name)
        assert written.shape == source.shape
        for key in ("radiograph_kind", "bits", "polarity"):
            assert written.meta[key] == source.meta[key]
    table = rows(output)
    assert list(table) == ["a.png", "sub/b.png", "sub/c.dcm"]
    probabilities = [f"probability_{name}" for name in CLASSES]
    sizes = ["working_size", "enlargement", "row_spacing", "column_spacing"]
    assert list(table["a.png"]) == ["file", "class", *probabilities, *sizes, "seconds", "sha256", "model", "error"]
    assert {row["model"] for row in table.values()} == {hashlib.sha256(model.read_bytes()).hexdigest()}
    for name, row in table.items():
        assert row["sha256"] == hashlib.sha256((output / name).read_bytes()).hexdigest()
    for row in table.values():
        probabilities = [float(row[f"probability_{name}"]) for name in CLASSES]
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
        assert row["class"] == CLASSES[int(np.argmax(probabilities))]
        assert float(row["seconds"]) > 0
        assert row["error"] == ""


def test_seconds_count_what_the_network_took_for_each_image(
    images: Path, model: Path, tmp_path: Path, monkeypatch
) -> None:
    forward = R2CGenerator.forward

    def slow(*args: object, **kwargs: object) -> object:
        time.sleep(0.2)
        return forward(*args, **kwargs)

    monkeypatch.setattr(R2CGenerator, "forward", slow)
    run(images, "--model", model, "--output", tmp_path / "out", "--workers", 0)
    assert [float(row["seconds"]) > 0.19 for row in rows(tmp_path / "out").values()] == [True] * 3


@pytest.mark.parametrize("channels", [1, 3])
def test_the_restored_pixels_are_the_network_s(images: Path, tmp_path: Path, channels: int) -> None:
    network = R2CGenerator(2, channels, features=4).eval()
    save_model(tmp_path / "model.pt", network, CLASSES, 32)
    arguments = ("--model", tmp_path / "model.pt", "--output", tmp_path / "out", "--size", "native", "--passes", 2)
    assert run(images / "sub/b.png", *arguments).exit_code == 0
    inputs = (torch.from_numpy(ramp(16) / 65535).float() * 2 - 1).expand(1, channels, -1, -1)
    with torch.no_grad():
        once, logits = network(inputs)
        twice, _ = network(once)
    expected = twice.mean(dim=1)[0].add(1).div(2)
    written = LoadRadiograph()(tmp_path / "out/b.png")[0]
    torch.testing.assert_close(written.as_tensor(), expected, atol=1e-4, rtol=0)
    row = rows(tmp_path / "out")["b.png"]
    assert float(row["probability_covid"]) == pytest.approx(float(logits.softmax(1)[0, 1]), abs=1e-5)


def test_keep_tone_leaves_the_mean_of_the_image_and_says_so(images: Path, tmp_path: Path, model: Path) -> None:
    arguments = (images, "--model", model, "--output", tmp_path / "out", "--size", "native")
    assert run(*arguments, "--keep-tone").exit_code == 0
    network, _ = load_restorer(model)
    source, written = LoadRadiograph()(images / "sub/b.png"), LoadRadiograph()(tmp_path / "out/sub/b.png")
    with torch.no_grad():
        network_image, _ = network.eval()(2 * source.as_tensor()[None] - 1)
    expected = with_tone_of(network_image, 2 * source.as_tensor()[None] - 1)[0]
    torch.testing.assert_close(2 * written.as_tensor() - 1, expected, atol=1e-4, rtol=0)
    written_by = pydicom.dcmread(tmp_path / "out/sub/c.dcm").DerivationDescription
    assert "at native size, in the tone of the source, fp32" in written_by
    assert "made with another keep_tone" in str(run(*arguments).exception)


def test_trained_size_is_the_default_and_keeps_the_image_s_own(tmp_path: Path, model: Path) -> None:
    seen: list[tuple[int, ...]] = []
    Image.fromarray(ramp(8, 100, 64)).save(tmp_path / "a.png")
    hook = torch.nn.modules.module.register_module_forward_pre_hook(
        lambda module, args: seen.append(tuple(args[0].shape)) if isinstance(module, R2CGenerator) else None
    )
    try:
        assert run(tmp_path / "a.png", "--model", model, "--output", tmp_path / "out").exit_code == 0
    finally:
        hook.remove()
    assert seen == [(1, 1, 50, 32)]
    assert Image.open(tmp_path / "out/a.png").size == (64, 100)


@pytest.fixture
def native_model(tmp_path: Path) -> Path:
    whole = {"spatial_dims": 2, "in_channels": 1, "features": 4}
    save_model(tmp_path / "native.pt", NativeGenerator(whole, working_size=32, local_features=4), CLASSES, 32)
    return tmp_path / "native.pt"


def test_a_model_that_keeps_native_detail_gets_the_image_as_it_is(tmp_path: Path, native_model: Path) -> None:
    Image.fromarray(ramp(8, 200, 150)).save(tmp_path / "a.png")  # 4.7 times the 32 pixels of training
    result = run(tmp_path / "a.png", "--model", native_model, "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "Warning" not in result.output
    row = rows(tmp_path / "out")["a.png"]
    assert (row["working_size"], row["enlargement"]) == ("native", "1.00")
    result = run(tmp_path / "a.png", "--model", native_model, "--output", tmp_path / "small", "--size", "trained")
    assert "4.7 times the 32" in rows(tmp_path / "small")["a.png"]["error"]


def test_what_would_be_enlarged_much_is_refused_unless_asked_for(tmp_path: Path, model: Path) -> None:
    for name, side in (("small", 30), ("double", 64), ("large", 150)):
        Image.fromarray(ramp(8, side + 10, side)).save(tmp_path / f"{name}.png")
    files = [tmp_path / f"{name}.png" for name in ("small", "double", "large")]
    result = run(*files, "--model", model, "--output", tmp_path / "out")
    assert result.exit_code == 1
    table = rows(tmp_path / "out")
    assert [table[f"{name}.png"]["enlargement"] for name in ("small", "double", "large")] == ["1.00", "2.00", ""]
    assert table["double.png"]["working_size"] == "32"
    assert table["large.png"]["error"].startswith("large.png: has 160 x 150 pixels, 4.7 times the 32 at which")
    warnings = [line for line in result.output.splitlines() if line.startswith("Warning")]
    assert len(warnings) == 1
    assert "so larger images (1) lost finer detail" in warnings[0]
    again = run(*files, "--model", model, "--output", tmp_path / "out", "--max-enlargement", 5)
    assert again.exit_code == 0, again.output
    assert rows(tmp_path / "out")["large.png"]["enlargement"] == "4.69"


def test_native_size_of_a_model_that_was_not_made_for_it_is_warned_of(tmp_path: Path, model: Path) -> None:
    Image.fromarray(ramp(8, 60, 50)).save(tmp_path / "a.png")
    result = run(tmp_path / "a.png", "--model", model, "--output", tmp_path / "out", "--size", "native")
    assert "Warning: the model was trained at 32 pixels and sees another scale now." in result.output


@pytest.mark.parametrize("size", ["trained", "native", "auto"])
def test_absurd_sizes_are_restored_or_refused_in_a_line(
    tmp_path: Path, model: Path, native_model: Path, size: str
) -> None:
    shapes = {"tiny": (3, 3), "dot": (1, 2), "strip": (3000, 20), "thin": (2, 100)}
    for name, shape in shapes.items():
        values = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        Image.fromarray(values).save(tmp_path / f"{name}.png")
    used = native_model if size == "auto" else model
    arguments = ("--model", used, "--output", tmp_path / "out", "--size", size, "--max-enlargement", 100)
    result = run(*(tmp_path / f"{name}.png" for name in shapes), *arguments)
    assert result.exit_code == 1
    table = rows(tmp_path / "out")
    assert table["tiny.png"]["error"] == ""
    assert table["strip.png"]["error"] == "strip.png: has 3000 x 20 pixels; one side may be at most 64 times the other."
    for name in ("dot", "thin"):
        assert "\n" not in table[f"{name}.png"]["error"]
    assert table["thin.png"]["error"] == "" or "must be at least 3" in table["thin.png"]["error"]


def test_spacing_stands_in_the_table_and_what_is_wrong_with_it_in_a_line_each(tmp_path: Path, model: Path) -> None:
    spacings: dict[str, Any] = {
        "good": {"ImagerPixelSpacing": [0.15, 0.15]},
        "missing": {},
        "oblong": {"PixelSpacing": [0.1, 0.2]},
        "zero": {"PixelSpacing": [0, 0]},
        "negative": {"PixelSpacing": [-0.2, 0.2]},
        "huge": {"PixelSpacing": [50, 50]},
    }
    for name, attributes in spacings.items():
        (tmp_path / "images").mkdir(exist_ok=True)
        write_dicom_file(tmp_path / f"images/{name}.dcm", ramp(12), **attributes)
    Image.fromarray(ramp(8)).save(tmp_path / "images/plain.png")
    result = run(tmp_path / "images", "--model", model, "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    found = {name: (row["row_spacing"], row["column_spacing"]) for name, row in rows(tmp_path / "out").items()}
    assert (found["good.dcm"], found["oblong.dcm"]) == (("0.15", "0.15"), ("0.1", "0.2"))
    assert all(found[f"{name}.dcm"] == ("", "") for name in ("missing", "zero", "negative", "huge"))
    lines = sorted(line for line in result.output.splitlines() if line.startswith("Pixel spacing"))
    assert len(lines) == 5
    for name, line in zip(("negative", "zero", "huge", "missing", "oblong"), lines):
        assert line.startswith("Pixel spacing: 1 (")
        assert line.endswith(f"): {name}.dcm")
    stated = run(tmp_path / "images", "--model", model, "--output", tmp_path / "stated", "--spacing", 0.2)
    assert rows(tmp_path / "stated")["plain.png"]["row_spacing"] == "0.2"
    (line,) = [line for line in stated.output.splitlines() if "Pixel spacing" in line]
    assert line.endswith("): oblong.dcm")
    refused = run(tmp_path / "images", "--model", model, "--output", tmp_path / "no", "--spacing", 50)
    assert isinstance(refused.exception, InputError)
    assert "spacing: must be the distance of pixels in mm" in str(refused.exception)


def test_a_bad_image_is_listed_and_stops_nothing(bad_images: Path, tmp_path: Path, model: Path) -> None:
    output = tmp_path / "out"
    result = run(bad_images, bad_images / "missing.png", "--model", model, "--output", output)
    assert result.exit_code == 1
    assert "Found 7 files: 6 read (3 restored, 3 refused), 1 skipped (0 already done, 1 passed over)" in result.output
    assert "Passed over: 1 no images by name and content (.md)." in result.output
    table = rows(output)
    assert {name for name, row in table.items() if row["error"]} == {"bad.png", "ct.dcm", "missing.png"}
    assert "has modality CT" in table["ct.dcm"]["error"]
    assert "truncated" in table["bad.png"]["error"]
    assert "no such file" in table["missing.png"]["error"]
    assert table["ct.dcm"]["class"] == ""
    assert files(output) == {"a.png", "sub/b.png", "sub/c.dcm", "predictions.csv", "restore.json"}
    for name in ("bad.png", "ct.dcm", "missing.png"):
        assert f"Failed: {bad_images / name}: " in result.output


def test_an_unforeseen_error_is_listed_too(
    images: Path, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(image: torch.Tensor, meta: dict, file: Path, description: str) -> None:
        if meta["filename_or_obj"].endswith("b.png"):
            raise OSError("no name\nfor this")
        write(image, meta, file, description)

    module = importlib.import_module("monai_r2c.handlers.restoration_saver")
    write = module.encode_radiograph
    monkeypatch.setattr(module, "encode_radiograph", fail)
    result = run(images, "--model", model, "--output", tmp_path / "out")
    assert result.exit_code == 1
    assert rows(tmp_path / "out")["sub/b.png"]["error"].endswith("b.png: OSError: no name")
    assert files(tmp_path / "out") == {"a.png", "sub/c.dcm", "predictions.csv", "restore.json"}


def test_a_full_disk_ends_the_run_with_one_line_and_a_folder_that_agrees(
    images: Path, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(image: torch.Tensor, meta: dict, file: Path, description: str) -> None:
        if meta["filename_or_obj"].endswith("b.png"):
            raise OSError(errno.ENOSPC, "No space left on device", str(file))
        write(image, meta, file, description)

    module = importlib.import_module("monai_r2c.handlers.restoration_saver")
    write = module.encode_radiograph
    monkeypatch.setattr(module, "encode_radiograph", fill)
    result = run(images, "--model", model, "--output", tmp_path / "out")
    assert isinstance(result.exception, RunError)
    assert "the disk is full; what is restored is safe" in str(result.exception)
    assert files(tmp_path / "out") == {"a.png", "predictions.csv", "restore.json"}
    assert list(rows(tmp_path / "out")) == ["a.png"]
    monkeypatch.undo()
    assert "(2 restored, 0 refused), 1 skipped" in run(images, "--model", model, "--output", tmp_path / "out").output


def test_a_modality_is_admitted_by_an_option(bad_images: Path, tmp_path: Path, model: Path) -> None:
    arguments = ("--model", model, "--output", tmp_path / "out", "--modality", "CT")
    assert run(bad_images / "ct.dcm", bad_images / "sub/c.dcm", *arguments).exit_code == 0


def test_a_second_run_skips_what_is_done_and_tries_failures_again(
    bad_images: Path, tmp_path: Path, model: Path
) -> None:
    arguments = (bad_images, "--model", model, "--output", tmp_path / "out")
    run(*arguments)
    before = {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in ("a.png", "sub/c.dcm")}
    Image.fromarray(ramp(8)).save(bad_images / "bad.png")
    result = run(*arguments)
    assert "2 read (1 restored, 1 refused), 4 skipped (3 already done, 1 passed over)" in result.output
    assert {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in before} == before
    assert rows(tmp_path / "out")["bad.png"]["error"] == ""
    assert "5 read (4 restored, 1 refused)" in run(*arguments, "--overwrite").output


def test_an_image_whose_restoration_vanished_is_restored_again(images: Path, tmp_path: Path, model: Path) -> None:
    arguments = (images, "--model", model, "--output", tmp_path / "out")
    run(*arguments)
    (tmp_path / "out/a.png").unlink()
    assert "1 read (1 restored, 0 refused), 2 skipped (2 already done" in run(*arguments).output
    assert (tmp_path / "out/a.png").exists()


def test_what_a_kill_left_half_written_is_cleaned_up(images: Path, tmp_path: Path, model: Path) -> None:
    output = tmp_path / "out"
    arguments = (images, "--model", model, "--output", output)
    run(*arguments)
    whole = rows(output)
    (output / "a.png").rename(output / ".restore/partial-0")  # killed before the rename
    with (output / ".restore/journal-0").open("a") as journal:
        journal.write('{"file": "sub/b.png", "sha')  # killed within a record
    assert run(*arguments).exit_code == 0
    assert files(output) == {"a.png", "sub/b.png", "sub/c.dcm", "predictions.csv", "restore.json"}
    assert _predicted(rows(output)) == _predicted(whole)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on this system")
def test_a_killed_run_continues_to_the_same_set_of_files(tmp_path: Path, model: Path) -> None:
    folder, output = tmp_path / "images", tmp_path / "out"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(40):
        Image.fromarray(rng.integers(0, 256, (120, 120)).astype(np.uint8)).save(folder / f"{index:03d}.png")
    options = ["--model", str(model), "--output", str(output)]
    program = "from monai_r2c.apps.restore import restore; restore()"
    process = subprocess.Popen([sys.executable, "-c", program, str(folder), *options], stderr=subprocess.DEVNULL)
    try:
        for _ in _until(120):
            if (output / "002.png").exists() or process.poll() is not None:
                break
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL
    done = {name for name in files(output) if name.endswith(".png") and not name.startswith(".")}
    assert 3 <= len(done) < 40
    for name in done:
        Image.open(output / name).load()  # whole
    result = run(folder, *options)
    assert result.exit_code == 0, result.output
    assert "(0 already done" not in result.output
    run(folder, "--model", model, "--output", tmp_path / "uninterrupted")
    assert files(output) == files(tmp_path / "uninterrupted")
    assert _predicted(rows(output)) == _predicted(rows(tmp_path / "uninterrupted"))


def _until(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.002)


def _predicted(table: dict[str, dict[str, str]]) -> list[dict[str, str]]:
    changing = ("seconds", "sha256")  # a DICOM file holds when it was made
    return [{key: value for key, value in row.items() if key not in changing} for row in table.values()]


def test_other_settings_do_not_mix_into_a_folder(images: Path, tmp_path: Path, model: Path) -> None:
    arguments = (images / "a.png", "--model", model, "--output", tmp_path / "out")
    run(*arguments)
    refused = run(*arguments, "--passes", 2)
    assert isinstance(refused.exception, InputError)
    assert "made with another passes" in str(refused.exception)
    assert run(*arguments, "--passes", 2, "--overwrite").exit_code == 0


def test_files_of_others_are_left_alone_however_often(images: Path, tmp_path: Path, model: Path) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "a.png").write_bytes(b"mine")
    for options in ([], [], ["--overwrite"]):
        result = run(images / "a.png", "--model", model, "--output", output, *options)
        assert result.exit_code == 1
        assert "was not written by this command" in rows(output)["a.png"]["error"]
        assert (output / "a.png").read_bytes() == b"mine"


def test_tables_of_others_are_left_alone(images: Path, tmp_path: Path, model: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/predictions.csv").write_text("file,label\n")
    for options in ([], ["--overwrite"]):
        refused = run(images / "a.png", "--model", model, "--output", tmp_path / "run", *options)
        assert "predictions.csv: was not written by this command" in str(refused.exception)
        assert files(tmp_path / "run") == {"predictions.csv"}
        assert (tmp_path / "run/predictions.csv").read_text() == "file,label\n"


def test_a_restoration_that_was_changed_since_is_somebody_else_s(images: Path, tmp_path: Path, model: Path) -> None:
    arguments = (images, "--model", model, "--output", tmp_path / "out")
    run(*arguments)
    (tmp_path / "out/a.png").write_bytes(b"retouched")
    result = run(*arguments, "--overwrite")
    assert (tmp_path / "out/a.png").read_bytes() == b"retouched"
    assert "(2 restored, 1 refused)" in result.output
    assert rows(tmp_path / "out")["a.png"]["class"] == ""


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("model") / "model.pt"
    save_model(path, R2CGenerator(2, features=4), CLASSES, 32)
    return path


def test_an_image_that_fails_under_another_model_keeps_the_row_of_the_first(
    images: Path, tmp_path: Path, model: Path, other_model: Path
) -> None:
    output = tmp_path / "out"
    run(images, "--model", model, "--output", output)
    before = rows(output)["a.png"]
    (images / "a.png").write_bytes((images / "a.png").read_bytes()[:60])
    assert run(images, "--model", other_model, "--output", output, "--overwrite").exit_code == 1
    table = rows(output)
    assert table["a.png"] == before | {"error": table["a.png"]["error"]}
    assert "truncated" in table["a.png"]["error"]
    assert table["a.png"]["model"] == _sha256(model) != table["sub/b.png"]["model"] == _sha256(other_model)
    for name, row in table.items():
        assert row["sha256"] == _sha256(output / name)
    assert "2 skipped" in run(images, "--model", other_model, "--output", output).output  # and tries the failed one


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on this system")
@pytest.mark.parametrize("step", ["before", "after"])
def test_rows_agree_with_images_after_a_kill_beside_the_image_s_rename(
    images: Path, tmp_path: Path, model: Path, other_model: Path, step: str
) -> None:
    output = tmp_path / "out"
    run(images, "--model", model, "--output", output)

    def overwrite() -> None:
        replace = os.replace

        def killed(source: Path, target: Path) -> None:
            if str(target).endswith("b.png"):
                if step == "after":
                    replace(source, target)
                os.kill(os.getpid(), signal.SIGKILL)
            replace(source, target)

        os.replace = killed
        run(images, "--model", other_model, "--output", output, "--overwrite", "--workers", 0)

    assert in_process(overwrite) == -signal.SIGKILL
    for name, row in rows(output).items():
        assert row["sha256"] == _sha256(output / name)
    result = run(images, "--model", other_model, "--output", output)
    assert "(2 restored, 0 refused), 1 skipped" in result.output
    assert {row["model"] for row in rows(output).values()} == {_sha256(other_model)}


def test_two_runs_at_once_do_not_share_a_folder(images: Path, tmp_path: Path, model: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    arguments = (images, "--model", model, "--output", tmp_path / "out")
    run(*arguments)

    def second_run() -> None:
        assert "another run is restoring into it" in str(run(*arguments).exception)

    with (tmp_path / "out/.restore/lock").open("wb") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        assert in_process(second_run) == 0
    assert run(*arguments).exit_code == 0


def test_a_name_that_a_spreadsheet_would_compute_or_that_breaks_lines_is_harmless(tmp_path: Path, model: Path) -> None:
    folder, output = tmp_path / "images", tmp_path / "out"
    folder.mkdir()
    names = ["=1+1.png", "-x.png", "two\nlines.png", "胸部 レントゲン.png", "plain.png"]
    for name in names:
        Image.fromarray(ramp(8)).save(folder / name)
    (folder / "bad\nname.png").write_bytes(b"no image")
    result = run(folder, "--model", model, "--output", output)
    assert {row.removeprefix("./") for row in rows(output)} == {*names, "bad\nname.png"}
    assert not any(row.startswith(("=", "-", "+", "@")) for row in rows(output))
    assert all((output / row).exists() for row, values in rows(output).items() if not values["error"])
    assert "bad\\nname.png: is no PNG" in result.output


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_output_folder_within_the_input_is_no_input(images: Path, model: Path) -> None:
    arguments = (images, "--model", model, "--output", images / "restored")
    assert "(3 restored" in run(*arguments).output
    assert "Found 3 files: 0 read (0 restored, 0 refused), 3 skipped (3 already done" in run(*arguments).output


def test_restorations_of_an_earlier_run_are_passed_over(images: Path, tmp_path: Path, model: Path) -> None:
    assert run(images, "--model", model, "--output", images / "out").exit_code == 0
    result = run(images, "--model", model, "--output", tmp_path / "again")
    assert "3 restorations of an earlier run" in result.output
    assert set(rows(tmp_path / "again")) == {"a.png", "sub/b.png", "sub/c.dcm"}
    # but what is asked for by name is restored
    assert run(images / "out", "--model", model, "--output", tmp_path / "twice").exit_code == 0
    assert set(rows(tmp_path / "twice")) == {"a.png", "sub/b.png", "sub/c.dcm"}


def test_a_wrong_option_does_not_take_the_output_folder(images: Path, tmp_path: Path, model: Path) -> None:
    assert isinstance(run(images, "--model", model, "--output", tmp_path / "out", "--spacing", 0).exception, Exception)
    assert run(images, "--model", model, "--output", tmp_path / "out", "--max-enlargement", "nan").exit_code
    assert not (tmp_path / "out").exists()
    assert run(images, "--model", model, "--output", tmp_path / "out", "--keep-tone").exit_code == 0


def test_a_place_cannot_be_file_and_folder(images: Path, tmp_path: Path) -> None:
    (tmp_path / "other/a.png").mkdir(parents=True)
    shutil.copy(images / "sub/b.png", tmp_path / "other/a.png/b.png")
    with pytest.raises(InputError, match="as a file and as a folder"):
        plan_restoration([images / "a.png", tmp_path / "other"], tmp_path / "out")


def test_plans_that_would_lose_images_are_refused(images: Path, tmp_path: Path) -> None:
    Image.fromarray(ramp(8)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="would both become"):
        plan_restoration([images, tmp_path / "a.png"], tmp_path / "out")
    with pytest.raises(InputError, match="is the output folder itself"):
        plan_restoration([images], images)
    with pytest.raises(InputError, match="would be overwritten"):
        plan_restoration([images / "a.png"], images)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no radiograph"):
        plan_restoration([tmp_path / "empty"], tmp_path / "out")
    assert list(plan_restoration([images, images / "a.png"], tmp_path / "out").sources) == [
        "a.png",
        "sub/b.png",
        "sub/c.dcm",
    ]


def test_a_device_that_is_not_there_is_refused(images: Path, tmp_path: Path, model: Path) -> None:
    refused = run(images, "--model", model, "--output", tmp_path / "out", "--device", "gpu7")
    assert "--device gpu7" in str(refused.exception)
    assert not (tmp_path / "out").exists()


def test_the_derivation_says_what_restored_the_image(images: Path, tmp_path: Path, model: Path) -> None:
    run(images / "sub/c.dcm", "--model", model, "--output", tmp_path / "out", "--precision", "bf16")
    description = pydicom.dcmread(tmp_path / "out/c.dcm").DerivationDescription
    assert "operational restorer of order 3" in description
    assert "1 pass at 32 pixels, bf16" in description


def test_the_dicom_samples_are_restored_and_the_bad_ones_listed(shared: Path, tmp_path: Path, model: Path) -> None:
    output = tmp_path / "out"
    result = run(shared / "data/dicom", "--model", model, "--output", output, "--max-enlargement", 100)
    assert result.exit_code == 1
    restored = {path.name for path in (shared / "data/dicom").glob("*.dcm") if not path.name.startswith("bad")}
    assert files(output) == restored | {"predictions.csv", "restore.json"}
    bad = {"bad_ct_slice.dcm", "bad_rtplan_no_image.dcm", "bad_us_multiframe_rle.dcm"}
    assert {name for name, row in rows(output).items() if row["error"]} == bad
    assert all(os.path.basename(name) in result.output for name in bad)
