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

import click

from monai_r2c.utils import InputError

from .bundle import bundle
from .datalist import datalist
from .degradation import degradation
from .import_checkpoint import import_checkpoint
from .phantom import phantom
from .quality import quality
from .report import report
from .restore import restore
from .study import study


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Blind restoration of radiographs together with diagnosis."""


for command in (bundle, datalist, degradation, import_checkpoint, phantom, quality, report, restore, study):
    cli.add_command(command)


def main() -> None:
    """Run the command line; wrong input ends with one line and exit status 1."""
    try:
        cli(prog_name="python -m monai_r2c")
    except InputError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
