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

from ignite.engine import Engine, Events


class EpochEvaluations:
    """Knows which evaluators have run since the trainer's epoch began, and what they found.

    Args:
        evaluators: any ignite engines, by prefix (such as ``validation``).
    """

    def __init__(self, evaluators: Mapping[str, Engine] | None = None) -> None:
        self.evaluators = dict(evaluators or {})
        self._ran: set[str] = set()

    def attach(self, engine: Engine) -> None:
        """Follow the epochs of the trainer `engine`."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._forget)
        for prefix, evaluator in self.evaluators.items():
            evaluator.add_event_handler(Events.COMPLETED, self._remember, prefix)

    def ran(self) -> dict[str, Engine]:
        """Return the evaluators that ran in this epoch, by prefix."""
        return {prefix: evaluator for prefix, evaluator in self.evaluators.items() if prefix in self._ran}

    def scores(self) -> dict[str, float]:
        """Return the scalar metrics of those that ran, as ``prefix/name``."""
        return {
            f"{prefix}/{name}": float(value)
            for prefix, evaluator in self.ran().items()
            for name, value in evaluator.state.metrics.items()
            if isinstance(value, (int, float))
        }

    def _forget(self, engine: Engine) -> None:
        self._ran.clear()

    def _remember(self, evaluator: Engine, prefix: str) -> None:
        self._ran.add(prefix)
