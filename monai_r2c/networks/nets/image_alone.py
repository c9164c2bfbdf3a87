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

import torch.nn as nn


class ImageAlone(nn.Module):
    """What gives the translated image alone: its class head is kept for `as_generator`, and learns nothing here.

    DistributedDataParallel waits for the gradients of all weights but for those that a module names in this way.
    """

    __jit_unused_properties__ = ["_ddp_params_and_buffers_to_ignore"]
    head_name = "head"

    @property
    def _ddp_params_and_buffers_to_ignore(self) -> list[str]:
        return [f"{self.head_name}.{name}" for name in self.get_submodule(self.head_name).state_dict()]
