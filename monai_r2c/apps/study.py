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

import shlex
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from monai_r2c.utils import InputError

from .next_steps import say_next
from .options import MODALITIES, modality_option, output_option


@click.group()
def study() -> None:
    """Blinded reader studies: make one, let people read it, analyse their answers, plan its size."""


@study.command()
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option("--poor", type=click.Path(path_type=Path), help="Folder of poor images, instead of RUN.")
@click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="NAME=FOLDER",
    help="What a method made of them, under the same names.",
)
@click.option("--labels", type=click.Path(path_type=Path), help="CSV with file,label[,patient] of the poor images.")
@click.option("--with-reference", is_flag=True, help="Let the run's clean originals take part.")
@click.option("--readers", default=3, show_default=True)
@click.option("--cases", "count", default=60, show_default=True)
@click.option(
    "--task",
    "tasks",
    multiple=True,
    type=click.Choice(["preference", "rating", "diagnosis"]),
    help="What readers are asked; may be given several times.  [default: preference]",
)
@click.option("--positive", help="Class whose finding counts as positive.  [default: the last]")
@click.option("--repeats", default=0.1, show_default=True, help="Share of screens that come again.")
@click.option("--catches", default=0.05, show_default=True, help="Share of screens with a known answer.")
@click.option("--washout-days", default=28.0, show_default=True, help="Days between two diagnosis sittings.")
@click.option("--seed", default=0, show_default=True, help="Keep it to yourself while the study runs.")
@modality_option()
@output_option("New folder.", folder=True)
def make(
    run: Path | None,
    poor: Path | None,
    methods: Sequence[str],
    labels: Path | None,
    with_reference: bool,
    readers: int,
    count: int,
    tasks: Sequence[str],
    positive: str | None,
    repeats: float,
    catches: float,
    washout_days: float,
    seed: int,
    modalities: Sequence[str],
    output: Path,
) -> None:
    """Make a study from an evaluated run, or from folders of images.

    RUN is the output_dir of a training that was evaluated: its poor test images and their restorations are compared.
    Give readers page.html, which works without a network, or start `study serve`. Keep the folder key to yourself.
    """
    if (run is None) == (poor is None):
        raise InputError("give either RUN, the output_dir of an evaluated run, or --poor FOLDER")
    if run is not None and labels is not None:
        raise InputError("--labels: the run's own labels are taken; give it with --poor only")
    from monai_r2c.study import Design, cases_of_folders, cases_of_run, make_study
    from monai_r2c.study.cases import parse_methods

    others = parse_methods(methods)
    if run is not None:
        found = cases_of_run(run, others, with_reference)
    else:
        assert poor is not None
        found = cases_of_folders(poor, others, labels)
    chosen = found.choose(count, seed)
    design = Design(
        readers,
        chosen.conditions,
        tuple(dict.fromkeys(tasks or ("preference",))),
        repeats,
        catches,
        washout_days,
        seed,
        tuple(case.label for case in chosen.cases),
    )
    written = make_study(chosen, design, output, positive, (*MODALITIES, *modalities))
    screens = sum(len(sitting.trials) for sitting in design.sittings(0))
    click.echo(f"{readers} readers, {count} cases, {len(chosen.conditions)} conditions: {screens} screens a reader")
    for path in written:
        click.echo(f"{'keep' if path.parent.name == 'key' else 'give'}  {path}")
    if not any(path.name == "page.html" for path in written):
        click.echo("The images are too many for one page: use `study serve`.")
    name = shlex.quote(str(output))
    analyse_it = f"python -m monai_r2c study analyse {name} ANSWERS"
    say_next(f"python -m monai_r2c study serve {name}", analyse_it, when="to have it read and analysed")


@study.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("answers", nargs=-1, required=True, type=click.Path(path_type=Path))
@output_option("Folder to write to.  [default: FOLDER/analysis]", folder=True, required=False)
@click.option(
    "--margin",
    default=0.05,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Loss of sensitivity to be ruled out.",
)
def analyse(folder: Path, answers: Sequence[Path], output: Path | None, margin: float) -> None:
    """Analyse readers' answers: report.html, report.md and analysis.json.

    FOLDER is the study with its key; ANSWERS are the files that readers saved, or the answers.sqlite of `study serve`.
    """
    from monai_r2c.study.analyse import analyse_study

    written = analyse_study(folder, answers, output or folder / "analysis", margin)
    for path in written:
        click.echo(f"wrote {path}")
    click.echo(f"\nnext: open {written[0]} in a browser")


@study.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; another lets others in.")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535))
def serve(folder: Path, host: str, port: int) -> None:
    """Serve a study to several readers, each with a link of his own; answers are kept at every click.

    Answers go to FOLDER/key/answers.sqlite, which `study analyse` reads. The connection is not encrypted: for readers
    on other machines, put a web server with HTTPS in front.
    """
    from monai_r2c.study.extras import require
    from monai_r2c.study.server import ANSWERS, make_app, read_schedule, reader_links
    from monai_r2c.study.storage import AnswerStore

    uvicorn = require("uvicorn")
    schedule = read_schedule(folder)
    store = AnswerStore(folder / ANSWERS, schedule["study"])
    links = reader_links(folder, list(schedule["readers"]))
    local = host in ("127.0.0.1", "localhost", "::1")
    app = make_app(folder, links, store, ["127.0.0.1", "localhost", "[::1]"] if local else ["*"])
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise InputError(f"--host {host} --port {port}: cannot listen there ({error.strerror})") from error
    shown = f"[{host}]" if ":" in host else host
    if not local:
        click.echo("Warning: other machines can reach this server, and what passes is not encrypted.", err=True)
    for reader, secret in links.items():
        click.echo(f"{reader}  http://{shown}:{listening.getsockname()[1]}/r/{secret}")
    click.echo("Give each reader his own link only; stop with Ctrl-C.")
    sys.stdout.flush()
    # no access log: it would hold the secrets
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listening])
    store.close()


@study.command()
@click.option("--preference", type=float, help="Share that prefers the restored image, to be told from one half.")
@click.option("--auc-difference", type=float, help="Difference in AUC to be shown.")
@click.option("--auc", default=0.85, show_default=True, help="AUC on the poor images.")
@click.option("--power", default=0.8, show_default=True)
@click.option("--reader-sd", default=0.08, show_default=True, help="Spread of the readers' own preferences.")
@click.option("--case-correlation", default=0.2, show_default=True, help="Of two readers' answers to one case.")
@click.option("--prevalence", default=0.5, show_default=True, help="Share of positive cases.")
@click.option("--interaction-sd", default=0.014, show_default=True, help="Spread of the readers' own gain in AUC.")
def plan(
    preference: float | None,
    auc_difference: float | None,
    auc: float,
    power: float,
    reader_sd: float,
    case_correlation: float,
    prevalence: float,
    interaction_sd: float,
) -> None:
    """Say how many cases show an effect, for several numbers of readers.

    Tests are two-sided at 5 %. The spreads are assumptions: take them from a pilot study where there is one, and see
    how the numbers change with them.
    """
    if preference is None and auc_difference is None:
        raise InputError("give --preference SHARE or --auc-difference DIFFERENCE")
    from monai_r2c.study.power import READERS, AUCPlan, PreferencePlan, cases_needed

    plans: list[tuple[str, PreferencePlan | AUCPlan]] = []
    if preference is not None:
        plans.append((f"preference of {preference:g}", PreferencePlan(preference, reader_sd, case_correlation)))
    if auc_difference is not None:
        name = f"AUC {auc:g} and {auc + auc_difference:g}, {prevalence:.0%} positive"
        plans.append((name, AUCPlan(auc, auc_difference, prevalence, interaction_sd)))
    for name, assumed in plans:
        click.echo(f"{name}, power {power:g}\nreaders  cases")
        for readers in READERS:
            cases = cases_needed(assumed, readers, power)
            click.echo(f"{readers:7d}  {'no number of cases is enough' if cases is None else cases}")
    make_it = "python -m monai_r2c study make RUN --readers READERS --cases CASES --output study"
    say_next(make_it, when="with an evaluated run")
