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

import click

from monai_r2c.utils import InputError


@click.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
def report(run_dir: Path) -> None:
    """Write report.html and report.md of a run.

    RUN_DIR is the output_dir of a training; evaluate it first, so that the report has scores and images. The page is
    one file that opens without a network.
    """
    if not run_dir.is_dir():
        raise InputError(f"{run_dir}: there is no such folder; expected the output_dir of a run.")
    from monai_r2c.report import write_report

    write_report(run_dir)
