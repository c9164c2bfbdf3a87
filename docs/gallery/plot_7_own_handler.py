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

"""
Write a handler of your own
===========================

`R2CTrainer` is an ignite engine: a handler is a function of the engine, or a class with ``attach``. It finds images and
losses by name in ``engine.state.output``. This one keeps the range of a loss in each epoch.
"""

from __future__ import annotations

from ignite.engine import Engine, Events


class LossRange:
    """Keeps the smallest and largest value of a loss in each epoch.

    Args:
        name: of the loss in the engine's output.
    """

    def __init__(self, name: str = "generator_loss") -> None:
        self.name = name
        self.ranges: list[tuple[float, float]] = []

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.EPOCH_STARTED, lambda: self.ranges.append((float("inf"), float("-inf"))))
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._look)

    def _look(self, engine: Engine) -> None:
        value = float(engine.state.output[self.name])
        low, high = self.ranges[-1]
        self.ranges[-1] = (min(low, value), max(high, value))


# %%
# Any engine will do to try it; here one that teaches an operational layer a tone curve, one gray level at a time.

import matplotlib.pyplot as plt
import torch
from monai.utils import set_determinism

from monai_r2c.networks.layers import OperationalConv1d

set_determinism(0)
layer = OperationalConv1d(1, 1, kernel_size=1, order=3)
optimizer = torch.optim.Adam(layer.parameters(), lr=0.02)


def step(engine: Engine, gray: torch.Tensor) -> dict[str, torch.Tensor]:
    loss = (layer(gray) - (2 * ((gray + 1) / 2) ** 0.4 - 1)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return {"generator_loss": loss.detach()}


trainer = Engine(step)
handler = LossRange()
handler.attach(trainer)
trainer.run(torch.linspace(-1, 1, 20)[torch.randperm(20)].view(-1, 1, 1), max_epochs=15)

figure, axes = plt.subplots(figsize=(6, 2.8), layout="constrained")
lows, highs = zip(*handler.ranges)
axes.fill_between(range(1, 16), lows, highs, alpha=0.4, label="smallest to largest")
axes.set(xlabel="epoch", ylabel="loss", yscale="log")
axes.legend(frameon=False)

# %%
# In the bundle, ``+`` adds it to those that the config has:
#
# .. code-block:: yaml
#
#    loss_range:
#      _target_: my_handlers.LossRange
#    +train::handlers:
#    - _target_: HandlerChain
#      handlers: ['@loss_range']
