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

from pathlib import Path

import pytest
import torch
from long_run import STEPS, checkpoint, differences, run

from monai_r2c.engines.precision import autocast_for
from monai_r2c.networks.blocks import InstanceNorm

EPOCHS = 3


def losses(output_dir: Path, precision: str, device: str = "cpu") -> torch.Tensor:
    """Generator loss of every epoch, of the same weights, batches and dropout."""
    trainer = {"precision": precision}
    run(output_dir, max_epochs=EPOCHS, decay_epoch=None, trainer=trainer, device=device, keep=EPOCHS)
    rows = [line.split(",") for line in (output_dir / "metrics.csv").read_text().splitlines()]
    return torch.tensor([float(row[rows[0].index("generator_loss")]) for row in rows[1:]])


def test_losses_of_a_bf16_run_stay_within_two_percent_of_float32(tmp_path: Path) -> None:
    torch.testing.assert_close(losses(tmp_path / "bf16", "bf16"), losses(tmp_path / "fp32", "fp32"), rtol=0.02, atol=0)


def test_bf16_run_keeps_weights_and_optimizer_in_float32_and_resumes_bit_for_bit(tmp_path: Path) -> None:
    settings = {"trainer": {"precision": "bf16"}}
    run(tmp_path / "straight", max_epochs=2, decay_epoch=None, **settings)
    run(tmp_path / "resumed", max_epochs=1, decay_epoch=None, **settings)
    run(tmp_path / "resumed", max_epochs=2, decay_epoch=None, resume=True, **settings)
    last = [checkpoint(tmp_path / name, "epoch_0002.pt") for name in ("straight", "resumed")]
    assert differences(*last) == []
    kept = [last[0]["restorer"], *last[0]["generator_optimizer"]["state"].values()]
    assert {value.dtype for part in kept for value in part.values()} == {torch.float32}


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_statistics_of_the_norm_are_float32_under_bf16(device: str) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU")
    norm = InstanceNorm(2).to(device)
    # around 100 bf16 has steps of 0.5, so that sums and means in bf16 would be far off
    image = (100 + torch.randn(1, 2, 64, 64, device=device)).bfloat16()
    with autocast_for("bf16", torch.device(device)):
        found = norm(image)
    torch.testing.assert_close(found.float(), norm(image.float()), rtol=0.01, atol=0.01)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_fp16_run_scales_each_optimizer_by_itself_and_stays_near_float32(tmp_path: Path) -> None:
    found = losses(tmp_path / "fp16", "fp16", "cuda")
    torch.testing.assert_close(found, losses(tmp_path / "fp32", "fp32", "cuda"), rtol=0.05, atol=0)
    last = checkpoint(tmp_path / "fp16", f"epoch_{EPOCHS:04d}.pt")
    trackers = [last[f"{name}_scaler"]["_growth_tracker"] for name in ("generator", "discriminator")]
    assert all(0 < tracker <= EPOCHS * STEPS for tracker in trackers)
