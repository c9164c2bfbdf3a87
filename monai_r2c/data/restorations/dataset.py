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

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch.utils.data import Dataset

from monai_r2c.utils import R2CKeys as Keys
from monai_r2c.utils import describe_error


class RestorationDataset(Dataset):
    """Images to restore; one that cannot be read becomes an item that says why, instead of ending the run.

    Args:
        data: dictionaries with ``image`` (path) and ``file``.
        transform: MONAI transform of one item, which reads the image.

    Returns:
        Each item is transformed, with ``seconds`` (how long that took) beside; or it has ``file``, ``seconds`` and
        ``error``, one line, alone.
    """

    def __init__(self, data: Sequence[Mapping[str, Any]], transform: Callable) -> None:
        self.data, self.transform = list(data), transform

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item, start = self.data[index], time.perf_counter()
        try:
            loaded = dict(self.transform(dict(item)))
        except Exception as error:  # whatever is wrong with one image, the others go on
            loaded = {Keys.FILE.value: item[Keys.FILE], Keys.ERROR.value: describe_error(error, item["image"])}
        return loaded | {Keys.SECONDS.value: time.perf_counter() - start}
