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
from collections.abc import Sequence
from importlib import import_module

import click

from monai_r2c import __version__
from monai_r2c.utils import InputError, RunError, in_one_line

# the short helps stand here too, so that the list of commands imports none of them
COMMANDS = {
    "bundle": "Write the MONAI bundle chest_xray_restore_classify to a folder.",
    "datalist": "Write a datalist: which images are poor or good, of which class.",
    "degradation": "Faults of radiographs: find those of one's own images.",
    "familiarity": "Keep in a model file what its training images look like.",
    "import-checkpoint": "Turn a TensorFlow checkpoint of the published code into a model.",
    "phantom": "Write synthetic chest radiographs, poor and good, to a folder.",
    "quality": "Measure noise, sharpness, contrast; propose poor, mid or good.",
    "report": "Write report.html and report.md of a run.",
    "restore": "Restore and classify radiographs with a trained model.",
    "study": "Blinded reader studies: make, read, analyse, plan.",
}


class LateCommands(click.Group):
    """Commands that are imported when they are called; `COMMANDS` names them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"{__package__}.{name}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if args[0] in COMMANDS:
                raise
            raise click.UsageError(f"No such command {args[0]!r}.{_nearest(args[0])}", ctx) from error


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    near: Sequence[str] = get_close_matches(name, COMMANDS)
    return f" Did you mean {' or '.join(near)}?" if near else f" There are {', '.join(COMMANDS)}."


@click.group(cls=LateCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="monai_r2c")
def cli() -> None:
    """Blind restoration of radiographs together with diagnosis."""


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
        from monai_r2c.utils.faults import explain_fault

        reason = explain_fault(error)
        if reason is None:
            raise
        _end(f"Error: {reason}.", 1)


def _end(line: str, status: int) -> None:
    click.echo(in_one_line(line), err=True)
    sys.exit(status)
