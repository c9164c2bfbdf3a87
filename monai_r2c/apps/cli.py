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

from monai_r2c.utils import InputError, RunError, in_one_line
from monai_r2c.utils.faults import explain_fault

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
    """Run the command line.

    Wrong input, a file that cannot be read or written, and what else of the machine ends a run, end with one line and
    exit status 1; an interruption with status 130.
    """
    try:
        # standalone: errors of usage are click's; interruptions and the rest come through
        sys.exit(cli.main(prog_name="python -m monai_r2c", standalone_mode=False))
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _end("Interrupted; the same command continues or begins again.", 130)
    except (InputError, RunError) as error:
        _end(f"Error: {error}", 1)
    except OSError as error:
        where = f"{error.filename2 or error.filename}: " if error.filename else ""
        _end(f"Error: {where}cannot be read or written ({error.strerror or error}).", 1)
    except RuntimeError as error:
        reason = explain_fault(error)
        if reason is None:
            raise
        _end(f"Error: {reason}.", 1)


def _end(line: str, status: int) -> None:
    click.echo(in_one_line(line), err=True)
    sys.exit(status)
