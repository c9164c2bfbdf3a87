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

import subprocess
import sys

import pytest
import torch

from monai_r2c.utils import InputError, check_one_process, check_settings, find_input_error

GOOD = {"variant": "operational", "order": 3, "image_size": 64, "load_size": 72, "learning_rate": 2e-4, "resume": False}


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("variant", "dense", "operational or convolutional or convolutional_light"),
        ("order", 0, "a whole number of at least 1"),
        ("order", 1.5, "a whole number of at least 1"),
        ("order", True, "a whole number of at least 1"),
        ("features", 1, "a whole number of at least 2, or null"),
        ("learning_rate", 0, "a number above 0"),
        ("learning_rate", float("nan"), "a number above 0"),
        ("flip_prob", 1.1, "a number of at least 0 and at most 1"),
        ("ema_decay", 1.0, "a number of at least 0 and below 1"),
        ("precision", "fp8", "auto or fp32 or bf16 or fp16"),
        ("resume", 1, "True or False"),
        ("device", "tpu", "cpu, cuda or cuda:N"),
        ("label_weights", [1.0, -1.0], "balanced, a list of numbers of at least 0, one for each class, or null"),
        ("load_size", 32, "at least image_size, 64"),
    ],
)
def test_wrong_setting_is_named_with_its_value_and_what_is_allowed(key: str, value: object, allowed: str) -> None:
    with pytest.raises(InputError) as caught:
        check_settings(**(GOOD | {key: value}))
    assert str(caught.value).startswith(f"{key}: {value!r} is not allowed")
    assert allowed in str(caught.value)
    assert "\n" not in str(caught.value)


def test_right_settings_pass() -> None:
    check_settings(**GOOD)


def test_config_of_one_process_refuses_several(monkeypatch: pytest.MonkeyPatch) -> None:
    check_one_process("multi_gpu_train.yaml")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match=r"WORLD_SIZE: 2 processes were started.*give multi_gpu_train\.yaml too"):
        check_one_process("multi_gpu_train.yaml")


def test_line_is_found_behind_the_errors_that_wrap_it() -> None:
    error = RuntimeError("applying transform")
    error.__cause__ = InputError("a.png: broken; expected an image.")
    assert find_input_error(error) == "a.png: broken; expected an image."
    assert find_input_error(RuntimeError("other")) is None


def test_line_is_found_in_the_text_of_a_data_loader_worker() -> None:
    class Broken(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: int) -> None:
            raise InputError("b.png: truncated.")

    with pytest.raises(ValueError, match=r"b\.png") as caught:
        next(iter(torch.utils.data.DataLoader(Broken(), num_workers=1)))
    assert find_input_error(caught.value) == "b.png: truncated."


def test_uncaught_error_ends_the_process_with_one_line_and_status_1() -> None:
    code = (
        "from monai_r2c.utils import InputError, report_in_one_line\nreport_in_one_line()\n"
        "try:\n    raise InputError('c.png: empty.')\nexcept InputError as e:\n    raise RuntimeError('config') from e"
    )
    result = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == "Error: c.png: empty.\n"
