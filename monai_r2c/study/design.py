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

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from monai_r2c.utils import InputError

PREFERENCE, RATING, DIAGNOSIS = "preference", "rating", "diagnosis"
TASKS = (DIAGNOSIS, RATING, PREFERENCE)
"""In the order in which a reader does them: who has seen two images of a case side by side is no longer blind to it."""

ORDINARY, REPEAT, SAME, SPOILED = "ordinary", "repeat", "same", "spoiled"
SPOILT = ":spoiled"
"""Ends the name of a condition whose image was spoiled on purpose, for catch trials."""


@dataclass(frozen=True)
class Trial:
    """One screen of a reader.

    Args:
        case: index of the case.
        shown: conditions from left to right, two for a preference and one otherwise.
        kind: ``ordinary``; ``repeat`` of an earlier trial of the sitting; or a catch trial, whose right answer is
            known: ``same`` shows one image twice, ``spoiled`` one that was spoiled on purpose.
        repeats: index of the repeated trial in its sitting.
    """

    case: int
    shown: tuple[str, ...]
    kind: str = ORDINARY
    repeats: int | None = None


@dataclass(frozen=True)
class Sitting:
    """Trials that a reader does one after the other; the next sitting of a diagnosis follows after the wash-out."""

    task: str
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Design:
    """What is asked of the readers.

    Args:
        readers: number of readers.
        conditions: what is compared.
        tasks: of ``preference``, ``rating``, ``diagnosis``.
        repeats: share of trials that come again, to measure how a reader agrees with himself.
        catches: share of catch trials, at least two of each task that has them (not diagnosis).
        washout_days: days between two diagnosis sittings.
        seed: every random choice is a function of the arguments and this.
    """

    readers: int
    conditions: tuple[str, ...]
    tasks: tuple[str, ...] = (PREFERENCE,)
    repeats: float = 0.1
    catches: float = 0.05
    washout_days: float = 28
    seed: int = 0
    labels: tuple[str | None, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.readers < 1:
            raise InputError(f"--readers {self.readers}: at least one is needed")
        if not set(self.tasks) <= set(TASKS) or not self.tasks:
            raise InputError(f"--task {', '.join(self.tasks)}: expected some of {', '.join(TASKS)}")
        for name, share in (("--repeats", self.repeats), ("--catches", self.catches)):
            if not 0 <= share <= 0.5:
                raise InputError(f"{name} {share}: expected a share of the trials from 0 to 0.5")

    def sittings(self, reader: int) -> list[Sitting]:
        """The sittings of one reader, counted from 0."""
        found = []
        for task in TASKS:
            if task in self.tasks:
                generator = np.random.default_rng([self.seed, 2, TASKS.index(task), reader])
                blocks = self._blocks(task, reader, generator)
                if task == DIAGNOSIS:
                    found += [self._sitting(task, block, generator) for block in blocks]
                else:
                    found.append(self._sitting(task, [trial for block in blocks for trial in block], generator))
        return found

    def _blocks(self, task: str, reader: int, generator: np.random.Generator) -> list[list[Trial]]:
        """Ordinary trials in their order: each block holds each case once."""
        places = self._places(task)
        blocks = []
        if task == PREFERENCE:
            for number, pair in enumerate(combinations(self.conditions, 2)):
                # each case has its sides changed from reader to reader, and half of a reader's cases
                sides = [pair if (places[case] + reader + number) % 2 else pair[::-1] for case in range(len(places))]
                blocks.append([Trial(case, sides[case]) for case in generator.permutation(len(places)).tolist()])
            return [[trial for block in blocks for trial in block]] if len(blocks) == 1 else [_mixed(blocks, generator)]
        square = latin_square(len(self.conditions))
        for block in range(len(self.conditions)):
            shown = [self.conditions[square[(place + reader) % len(square)][block]] for place in places]
            blocks.append([Trial(case, (shown[case],)) for case in generator.permutation(len(places)).tolist()])
        return blocks

    def _places(self, task: str) -> list[int]:
        """A random number of each case, such that each class has every other one: the row of the Latin square."""
        generator = np.random.default_rng([self.seed, 3, TASKS.index(task)])
        order = sorted(generator.permutation(len(self.labels)).tolist(), key=lambda case: str(self.labels[case]))
        places = [0] * len(order)
        for place, case in enumerate(order):
            places[case] = place
        return places

    def _sitting(self, task: str, trials: Sequence[Trial], generator: np.random.Generator) -> Sitting:
        """Add catch trials, and repeats: of trials of the first half, in the last quarter."""
        ordinary = list(trials)
        count = round(self.repeats * len(ordinary))
        early = generator.permutation(len(ordinary) // 2)[:count].tolist()
        again = [Trial(ordinary[i].case, ordinary[i].shown[::-1], REPEAT, i) for i in early]
        extras: list[Trial] = again
        places = generator.integers(3 * len(ordinary) // 4, len(ordinary) + 1, len(again)).tolist()
        if self.catches and task != DIAGNOSIS:
            catches = max(2, round(self.catches * len(ordinary)))
            chosen = generator.integers(len(self.labels), size=catches).tolist()
            extras = again + [self._catch(task, number, case, generator) for number, case in enumerate(chosen)]
            places += generator.integers(1, len(ordinary) + 1, catches).tolist()
        order: list[tuple[float, Trial]] = [(float(i), trial) for i, trial in enumerate(ordinary)]
        order += [(place - 0.5, trial) for place, trial in zip(places, extras)]
        order.sort(key=lambda pair: pair[0])
        moved = {id(trial): i for i, (_, trial) in enumerate(order)}
        result = []
        for _, trial in order:
            origin = None if trial.repeats is None else moved[id(ordinary[trial.repeats])]
            result.append(Trial(trial.case, trial.shown, trial.kind, origin))
        return Sitting(task, tuple(result))

    def _catch(self, task: str, number: int, case: int, generator: np.random.Generator) -> Trial:
        shown = self.conditions[int(generator.integers(len(self.conditions)))]
        if task == RATING:
            return Trial(case, (shown + SPOILT,), SPOILED)
        if number % 2:
            return Trial(case, (shown, shown), SAME)
        pair = (shown, shown + SPOILT)
        return Trial(case, pair if generator.integers(2) else pair[::-1], SPOILED)


def latin_square(size: int) -> list[list[int]]:
    """A Latin square in which, for an even size, each number follows each other one equally often.

    Returns:
        `size` rows for an even size; for an odd one the rows and their mirror images, which together are balanced.

    Source: E. J. Williams, Experimental designs balanced for the estimation of residual effects of treatments,
    Australian Journal of Scientific Research A 2 (1949) 149-168.
    """
    first = [(step + 1) // 2 if step % 2 else -(step // 2) for step in range(size)]
    rows = [[(row + place) % size for place in first] for row in range(size)]
    return rows if size % 2 == 0 else rows + [row[::-1] for row in rows]


def _mixed(blocks: Sequence[Sequence[Trial]], generator: np.random.Generator) -> list[Trial]:
    trials = [trial for block in blocks for trial in block]
    return [trials[i] for i in generator.permutation(len(trials))]
