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

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path

from ignite.engine import Engine

from monai_r2c.utils.files import write_text_atomically

NOTICE = (
    "These scores describe this test set only. Where a label goes together with the hospital, the device or\n"
    "the kind of fault, a high score does not show that a disease is detected."
)


def write_scores(path: str | Path, evaluators: Mapping[str, Engine]) -> None:
    """Write the scalar metrics of evaluators that have run as CSV, and print them as a table with a word of caution.

    Args:
        path: of the CSV file, with the columns ``domain``, ``metric`` and ``value``.
        evaluators: by the name of the domain that they evaluated.
    """
    rows = [
        (domain, name, float(value))
        for domain, evaluator in evaluators.items()
        for name, value in evaluator.state.metrics.items()
        if isinstance(value, (int, float))
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("domain", "metric", "value"))
    writer.writerows(rows)
    write_text_atomically(path, text.getvalue())

    names = list(dict.fromkeys(name for _, name, _ in rows))
    values = {(domain, name): value for domain, name, value in rows}
    print(f"{'':<16}" + "".join(f"{domain:>12}" for domain in evaluators))
    for name in names:
        print(f"{name:<16}" + "".join(_cell(values.get((domain, name))) for domain in evaluators))
    print(NOTICE)
    print(f"scores: {path}")


def _cell(value: float | None) -> str:
    if value is None:
        return f"{'':>12}"
    return f"{'undefined' if math.isnan(value) else f'{value:.4f}':>12}"
