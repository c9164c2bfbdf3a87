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

from collections.abc import Mapping
from typing import Any

import torch

from monai_r2c.utils import R2CKeys as Keys
from monai_r2c.utils.metadata import plain_tensor


def prepare_unpaired_batch(
    batch: Mapping[str, Any], device: torch.device | None, non_blocking: bool, **kwargs: Any
) -> dict[str, Any]:
    """Move a training batch to the device as plain tensors.

    Args:
        batch: items of `UnpairedDataset`, collated: ``poor`` and ``good`` images ``(batch, channels, *spatial)`` in
            [-1, 1], ``poor_label`` and ``good_label`` ``(batch,)``, ``poor_file`` and ``good_file``; and where there
            are any, ``synthetic`` images, their ``synthetic_reference`` and the ``synthetic_context`` of crops.
        device: where the tensors go.
        non_blocking: whether copies may overlap with computation.
        kwargs: further arguments of ``torch.Tensor.to`` for the images.

    Returns:
        The same keys; labels as int64.
    """
    prepared: dict[str, Any] = {key: batch[key] for key in (Keys.POOR_FILE, Keys.GOOD_FILE) if key in batch}
    synthetic = [key for key in (Keys.SYNTHETIC, Keys.SYNTHETIC_REFERENCE) if key in batch]
    for key in (Keys.POOR, Keys.GOOD, *synthetic):
        # a step needs no metadata
        prepared[key] = plain_tensor(batch[key]).to(device, non_blocking=non_blocking, **kwargs)
    if Keys.SYNTHETIC_CONTEXT in batch:
        context = batch[Keys.SYNTHETIC_CONTEXT]
        prepared[Keys.SYNTHETIC_CONTEXT] = {
            name: plain_tensor(part).to(device, non_blocking=non_blocking, **kwargs) for name, part in context.items()
        }
    for key in (Keys.POOR_LABEL, Keys.GOOD_LABEL):
        prepared[key] = torch.as_tensor(batch[key]).to(device, dtype=torch.int64, non_blocking=non_blocking)
    return prepared


def prepare_image_batch(
    batch: Mapping[str, Any], device: torch.device | None, non_blocking: bool, **kwargs: Any
) -> dict[str, Any]:
    """Move an evaluation batch to the device: ``image``, and where present ``label`` and ``reference``.

    Images keep the metadata of a batch that MONAI's loaders collated; that of another batch, which does not say what
    belongs to which image, is left out.
    """
    prepared = dict(batch)
    for key in ("image", Keys.REFERENCE):
        if key in batch:
            image = batch[key].to(device, non_blocking=non_blocking, **kwargs)
            prepared[key] = image if getattr(image, "is_batch", False) else plain_tensor(image)
    if "label" in batch:
        prepared["label"] = torch.as_tensor(batch["label"]).to(device, dtype=torch.int64, non_blocking=non_blocking)
    return prepared
