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

import threading
import time

import pytest
from monai.transforms import Compose, Lambda

from monai_r2c.data import cached_dataset
from monai_r2c.utils import InputError
from monai_r2c.utils.errors import find_input_error


def test_no_reader_is_left_running_when_one_of_them_fails() -> None:
    def read(item: dict) -> dict:
        if item["image"] == 0:
            raise InputError("0.png: is truncated")
        time.sleep(0.2)
        return item

    before = threading.active_count()
    with pytest.raises(Exception) as caught:  # noqa: PT011 (MONAI's own, with ours as its cause)
        cached_dataset([{"image": index} for index in range(4)], Compose([Lambda(read)]))
    assert find_input_error(caught.value) == "0.png: is truncated"
    assert threading.active_count() == before
