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
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import run
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from monai_r2c.networks import R2CGenerator, read_settings, save_model
from monai_r2c.utils import InputError, find_input_error

SETTINGS = {"classes": "non-covid,covid", "image_size": 16, "max_epochs": 2, "val_interval": 1, "device": "cpu"}
SCORES = {"accuracy", "sensitivity", "specificity", "precision", "f1", "f2", "auc"}


def _train(configs: Path, dataset_dir: Path, output_dir: Path, **settings: object) -> None:
    files = [str(configs / "train.yaml"), *settings.pop("also", [])]
    given = {**SETTINGS, "dataset_dir": str(dataset_dir), "output_dir": str(output_dir), **settings}
    run("training", config_file=files, **given)


def _evaluate(configs: Path, output_dir: Path, run_id: str = "evaluating", **settings: object) -> None:
    files = [str(configs / "train.yaml"), str(configs / "evaluate.yaml")]
    if run_id == "inference":
        files = [str(configs / "inference.yaml")]
    else:
        settings = {"resamples": 20, **settings}
    run(run_id, config_file=files, output_dir=str(output_dir), **settings)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def trained(configs: Path, dataset_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output_dir = tmp_path_factory.mktemp("trained")
    _train(configs, dataset_dir, output_dir)
    return output_dir


def test_training_writes_what_the_design_says(trained: Path) -> None:
    assert {path.name for path in (trained / "checkpoints").iterdir()} == {"epoch_0001.pt", "epoch_0002.pt"}
    assert {path.name for path in (trained / "panels").iterdir()} == {"epoch_0001.png", "epoch_0002.png"}
    settings = read_settings(trained / "model.pt")
    assert (settings.variant, settings.order, settings.channels, settings.image_size) == ("operational", 3, 1, 16)
    assert settings.classes == ("non-covid", "covid")


def test_metrics_csv_has_a_row_an_epoch_with_finite_losses_and_scores(trained: Path) -> None:
    rows = _rows(trained / "metrics.csv")
    assert [(row["epoch"], row["iteration"]) for row in rows] == [("1", "4"), ("2", "8")]
    assert all(np.isfinite(float(row[f"{kind}_loss"])) for row in rows for kind in ("generator", "discriminator"))
    assert {f"validation/{score}" for score in SCORES} <= set(rows[0])


def test_tensorboard_has_every_group_and_the_panel(trained: Path) -> None:
    log = EventAccumulator(str(trained / "tensorboard")).Reload()
    scalars = set(log.Tags()["scalars"])
    assert {"validation/auc", "validation_good/accuracy"} <= scalars
    assert "panel" in log.Tags()["images"]


def test_evaluation_scores_both_domains_and_restores_each_poor_image(trained: Path, configs: Path, capsys) -> None:
    _evaluate(configs, trained)
    printed = capsys.readouterr().out
    assert "does not show that a disease is detected" in printed
    rows = _rows(trained / "evaluation.csv")
    assert {(row["domain"], row["metric"]) for row in rows} >= {(d, s) for d in ("poor", "good") for s in SCORES}
    predictions = _rows(trained / "predictions.csv")
    assert len(predictions) == len(list((trained / "restored").glob("*.png"))) == 3
    accuracy = np.mean([row["class"] == row["label"] for row in predictions])
    assert float(next(r["value"] for r in rows if (r["domain"], r["metric"]) == ("poor", "accuracy"))) == pytest.approx(
        accuracy
    )


def test_evaluation_writes_intervals_every_image_and_the_report(trained: Path, configs: Path) -> None:
    _evaluate(configs, trained)
    scores = {(row["domain"], row["metric"]): row for row in _rows(trained / "evaluation.csv")}
    for name in (
        "f1_restored",
        "niqe_restored",
        "noise",
        "cycle_error",
        "structural_change",
        "kernel_distance_restored",
    ):
        assert ("poor", name) in scores
    accuracy = scores["poor", "accuracy"]
    assert float(accuracy["low"]) <= float(accuracy["value"]) <= float(accuracy["high"])
    assert (accuracy["better"], accuracy["range"]) == ("higher", "0 to 1")
    images = _rows(trained / "images.csv")
    noise = np.mean([float(row["noise_restored"]) for row in images])
    assert float(scores["poor", "noise_restored"]["value"]) == pytest.approx(noise, rel=1e-4)
    page = (trained / "report.html").read_text()
    assert (
        {row["file"].rpartition("/")[2] for row in images} >= set(re.findall(r"Case \d of \d: ([^<]+)<", page)) != set()
    )
    assert "cycle_weight" in page


def test_independent_classifier_is_asked_whether_the_class_is_kept(trained: Path, configs: Path) -> None:
    network = {"_target_": "DenseNet121", "spatial_dims": 2, "in_channels": 1, "out_channels": 2}
    _evaluate(configs, trained, classifier=network | {"init_features": 4, "block_config": [1, 1]})
    rows = {(row["domain"], row["metric"]): row["value"] for row in _rows(trained / "evaluation.csv")}
    assert 0 <= float(rows["poor", "class_preserved"]) <= 1


def test_inference_keeps_size_and_depth_and_equals_the_evaluation(
    trained: Path, configs: Path, dataset_dir: Path
) -> None:
    _evaluate(configs, trained)
    evaluated = {path.name: path.read_bytes() for path in (trained / "restored").glob("*.png")}
    _evaluate(configs, trained, "inference", images=str(dataset_dir / "testA"), overwrite=True)
    for name, content in evaluated.items():
        assert (trained / "restored" / name).read_bytes() == content
        with Image.open(trained / "restored" / name) as image:
            assert (image.size, image.mode) == ((20, 24), "L")


def test_inference_continues_after_a_bad_image_and_leaves_out_what_is_done(
    trained: Path, configs: Path, dataset_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    shutil.copytree(dataset_dir / "testA", tmp_path / "images")
    shutil.copy(trained / "model.pt", tmp_path / "model.pt")
    names = sorted(path.name for path in (tmp_path / "images").iterdir())
    (tmp_path / "images" / names[0]).write_bytes(b"broken")
    settings = {"images": str(tmp_path / "images"), "num_workers": 0}
    with pytest.raises(InputError, match=f"1 of {len(names)} images were refused, such as .*{names[0]}"):
        _raise_line(_evaluate, configs, tmp_path, "inference", **settings)
    rows = {row["file"]: row for row in _rows(tmp_path / "predictions.csv")}
    assert [bool(rows[name]["error"]) for name in names] == [True] + [False] * (len(names) - 1)
    assert len({row["model"] for row in rows.values() if row["class"]}) == 1
    shutil.copy(dataset_dir / "testA" / names[0], tmp_path / "images")
    capsys.readouterr()
    _evaluate(configs, tmp_path, "inference", **settings)
    assert f"{len(names)} images: 1 restored, 0 refused, {len(names) - 1} already done" in capsys.readouterr().out


def test_run_is_the_twin_of_training_and_overrides_reach_the_networks(
    configs: Path, dataset_dir: Path, tmp_path: Path
) -> None:
    settings = {"variant": "convolutional_light", "channels": 3, "ema_decay": 0.9, "max_epochs": 1, "order": 1}
    given = {**SETTINGS, "dataset_dir": str(dataset_dir), "output_dir": str(tmp_path), **settings}
    run("run", config_file=[str(configs / "train.yaml")], **given)
    assert read_settings(tmp_path / "model.pt").variant == "convolutional_light"
    checkpoint = torch.load(tmp_path / "checkpoints/epoch_0001.pt", weights_only=True)
    averaged = torch.load(tmp_path / "model.pt", weights_only=True)
    assert not torch.equal(averaged["down.0.1.weight"], checkpoint["restorer"]["down.0.1.weight"])
    assert torch.equal(averaged["down.0.1.weight"], checkpoint["ema"]["down.0.1.weight"])


def test_images_without_classes_train_and_evaluate_restoration_alone(
    configs: Path, dataset_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "unlabelled"
    shutil.copytree(dataset_dir, folder, ignore=shutil.ignore_patterns("labels.csv"))
    _train(configs, folder, tmp_path / "run", classes=None)
    assert read_settings(tmp_path / "run/model.pt").classes == ("unlabelled",)
    assert set(_rows(tmp_path / "run/metrics.csv")[0]).isdisjoint(f"validation/{score}" for score in SCORES)
    _evaluate(configs, tmp_path / "run")
    metrics = {row["metric"] for row in _rows(tmp_path / "run/evaluation.csv")}
    assert "niqe_restored" in metrics
    assert metrics.isdisjoint({*SCORES, "own_class_preserved"})


def test_published_preset_trains_the_published_network(configs: Path, dataset_dir: Path, tmp_path: Path) -> None:
    _train(configs, dataset_dir, tmp_path, also=[str(configs / "published.yaml")], max_epochs=1)
    generator = read_settings(tmp_path / "model.pt").generator
    published = {key: value for key, value in R2CGenerator(2, 3).get_settings().items() if key != "num_classes"}
    assert {key: generator[key] for key in published} == published


def test_resumed_run_continues_where_it_stopped(configs: Path, dataset_dir: Path, tmp_path: Path) -> None:
    _train(configs, dataset_dir, tmp_path / "two", max_epochs=1, decay_epoch=9)
    found = json.loads((tmp_path / "two/configuration.json").read_text())["settings"]
    assert found["measured"]
    _train(configs, dataset_dir, tmp_path / "two", max_epochs=2, decay_epoch=9, resume=True)
    kept = json.loads((tmp_path / "two/configuration.json").read_text())["settings"]
    assert not kept["measured"], "a resumed run measures nothing"
    named = {key: found[key] for key in ("precision", "memory_format")}
    assert named == {key: kept[key] for key in named}
    _train(configs, dataset_dir, tmp_path / "one", max_epochs=2, decay_epoch=9, **named)
    one, two = (torch.load(tmp_path / n / "checkpoints/epoch_0002.pt", weights_only=True) for n in ("one", "two"))
    assert all(torch.equal(value, two["restorer"][name]) for name, value in one["restorer"].items())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"variant": "dense"}, "variant: 'dense' is not allowed; it must be operational or"),
        ({"order": 0}, "order: 0 is not allowed"),
        ({"image_size": 8}, "image_size: 8 is not allowed"),
        ({"learning_rate": -1.0}, "learning_rate: -1.0 is not allowed"),
        ({"key_metric": "dice"}, "key_metric: 'dice' is not among the validation's metrics"),
        ({"classes": "a,b"}, "a, b"),
        ({"batch_size": 9}, "batch_size: larger than the longer domain"),
        ({"resume": True}, "no readable checkpoint to resume from"),
    ],
)
def test_wrong_setting_ends_the_run_with_one_line(configs, dataset_dir, tmp_path, settings: dict, message: str) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # MONAI wraps what a component raises
        _train(configs, dataset_dir, tmp_path, **settings)
    line = find_input_error(caught.value)
    assert line is not None
    assert "\n" not in line
    assert re.search(message, line), line


def test_unreadable_image_ends_the_run_before_the_first_step_with_its_name(
    configs, dataset_dir, tmp_path, capfd
) -> None:
    broken = tmp_path / "data"
    shutil.copytree(dataset_dir, broken)
    (broken / "trainB/1.png").write_bytes((broken / "trainB/1.png").read_bytes()[:60])
    command = [sys.executable, "-W", "ignore", "-m", "monai.bundle", "run", "training", "--config_file"]
    command += [str(configs / "train.yaml"), "--dataset_dir", str(broken), "--output_dir", str(tmp_path / "run")]
    command += ["--classes", "non-covid,covid", "--image_size", "16", "--device", "cpu"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.strip().splitlines()[-1].startswith("Error: ")
    assert "trainB/1.png" in result.stderr.strip().splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run/checkpoints").exists()


def test_run_without_data_ends_with_one_line(configs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"give either datalist .* or dataset_dir"):
        _raise_line(run, "training", config_file=[str(configs / "train.yaml")], output_dir=str(tmp_path))


def test_model_of_another_architecture_is_refused_in_evaluation(trained: Path, configs: Path) -> None:
    with pytest.raises(InputError, match="the model has variant operational, not convolutional"):
        _evaluate_raising(configs, trained, variant="convolutional")


def test_missing_model_is_refused_in_evaluation_and_inference(configs: Path, tmp_path: Path, dataset_dir: Path) -> None:
    with pytest.raises(InputError, match=r"model\.pt: no model file there"):
        _evaluate_raising(configs, tmp_path)
    with pytest.raises(InputError, match=r"model\.pt: no model file there"):
        _evaluate_raising(
            configs, tmp_path, run_id="inference", images=str(dataset_dir), model=str(tmp_path / "model.pt")
        )


def test_refused_model_leaves_the_output_folder_to_the_right_one(
    configs: Path, tmp_path: Path, dataset_dir: Path
) -> None:
    save_model(tmp_path / "right.pt", R2CGenerator(2, features=4), ["a", "b"], 16)
    wrong = torch.load(tmp_path / "right.pt", weights_only=True)
    wrong["head.linear.bias"] = torch.zeros(3)
    torch.save(wrong, tmp_path / "wrong.pt")
    settings = {"images": str(dataset_dir / "testB"), "device": "cpu"}
    with pytest.raises(InputError, match=r"wrong\.pt: its weights do not fit .* 1 of 13 differ"):
        _evaluate_raising(configs, tmp_path, run_id="inference", model=str(tmp_path / "wrong.pt"), **settings)
    assert not (tmp_path / "restored").exists()
    _evaluate(configs, tmp_path, "inference", model=str(tmp_path / "right.pt"), **settings)
    assert {path.name for path in (tmp_path / "restored").glob("*.png")} == {"0.png", "1.png"}


def test_checkpoint_of_another_configuration_is_refused(trained: Path, configs: Path, dataset_dir: Path) -> None:
    with pytest.raises(InputError, match=r"epoch_0002\.pt: order is 3 there and 2 here; resume with --order 3"):
        _raise_line(_train, configs, dataset_dir, trained, resume=True, order=2)


def test_run_that_does_not_resume_spares_the_checkpoints_of_another(
    trained: Path, configs: Path, dataset_dir: Path
) -> None:
    with pytest.raises(InputError, match="holds checkpoints of an earlier run"):
        _raise_line(_train, configs, dataset_dir, trained)


def test_three_channel_model_restores_gray_images(configs: Path, dataset_dir: Path, tmp_path: Path) -> None:
    save_model(tmp_path / "model.pt", R2CGenerator(2, 3, features=4), ["a", "b"], 16)
    _evaluate(configs, tmp_path, "inference", images=str(dataset_dir / "testB"))
    with Image.open(tmp_path / "restored/0.png") as image:
        assert (image.size, image.mode) == ((20, 24), "L")


def _evaluate_raising(configs: Path, output_dir: Path, **settings: object) -> None:
    _raise_line(_evaluate, configs, output_dir, **settings)


def _raise_line(function, *args: object, **kwargs: object) -> None:
    """Run a bundle and raise the one line that its process would have ended with."""
    try:
        function(*args, **kwargs)
    except Exception as error:
        line = find_input_error(error)
        if line is None:
            raise
        raise InputError(line) from error
