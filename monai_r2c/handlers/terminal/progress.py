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

import sys

from ignite.engine import Engine
from ignite.handlers.tqdm_logger import ProgressBar

from monai_r2c.utils.processes import process_rank


class TerminalProgress:
    """Progress bar of every epoch, on a terminal only: nothing is written where output goes to a file.

    Args:
        description: shown before the bar.
    """

    def __init__(self, description: str = "epoch") -> None:
        self.description = description

    def attach(self, engine: Engine) -> None:
        if sys.stderr.isatty() and process_rank() == 0:
            # tqdm's own format tells the rate beside the time left
            ProgressBar(desc=self.description, bar_format=None).attach(engine)
