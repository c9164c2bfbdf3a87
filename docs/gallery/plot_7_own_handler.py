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
# Any engine will do to try it; here one whose loss falls.

trainer = Engine(lambda engine, batch: {"generator_loss": batch / engine.state.epoch})
handler = LossRange()
handler.attach(trainer)
trainer.run([3.0, 1.0, 2.0], max_epochs=3)
for epoch, (low, high) in enumerate(handler.ranges, 1):
    print(f"epoch {epoch}: {low:.2f} to {high:.2f}")

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
