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

import json
from pathlib import Path

import click
import torch

from benchmarks.restoration.results import commit, write_json
from monai_r2c.data import read_datalist
from monai_r2c.handlers import add_statistics
from monai_r2c.networks import annotate_model, average_models, box_path, model_digest
from monai_r2c.utils import InputError

from .images import HANNOVER, Restorer, read_rows
from .training import CONFIGS, notes_of, read_training, train_first_steps

HERE = Path(__file__).parent
RESULTS, TRAINING, VALIDATION = HERE / "results.json", HERE / "training.json", HERE / "validation.json"
TOLERANCE = 1e-4  # of the decimals that are kept
FIGURES = HERE.parents[1] / "docs/source/figures"
data_option = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder that holds cxr/, dicom/."
)
model_option = click.option("--model", type=click.Path(path_type=Path), default="box", show_default=True)
PARTS = ("beds", "severity", "classes", "flags", "cost")


@click.group()
def main() -> None:
    """Makes the trained model that comes with the package, its scores and its card; see docs/source/model_card.md."""


@main.command()
@data_option
@click.option("--run", "runs", type=click.Path(path_type=Path), multiple=True, required=True, help="In order.")
@click.option("--after-the-box", is_flag=True, help="The first run started from the model in the box.")
@click.option("--kind", type=click.Choice(list(CONFIGS)), help="Of the runs. Default: what their models tell.")
@click.option("--processes", type=click.IntRange(1), multiple=True, help="That torchrun started, of each run.")
@click.option("--commit", "commits", multiple=True, help="That each run was made with. Default: the present one.")
@click.option("--mean", is_flag=True, help="All runs started from one model: the mean of their weights is packed.")
@click.option("--mean-with-box", is_flag=True, help="So, from the model in the box, whose weights are among them.")
def pack(
    data: Path,
    runs: tuple[Path, ...],
    kind: str | None,
    processes: tuple[int, ...],
    commits: tuple[str, ...],
    after_the_box: bool,
    mean: bool,
    mean_with_box: bool,
) -> None:
    """Put the model that the last run wrote into the box, or the mean of all, and keep how it was trained.

    The file holds the restorer alone, its name and the statistics of its training images, with the limit from another
    source.
    """
    kept = json.loads(TRAINING.read_text(encoding="utf-8")) if TRAINING.is_file() else {}
    before = kept["stages"] if after_the_box or mean_with_box else []
    training = read_training(runs, commits or (commit(),), before, kind, processes or (1,), mean, mean_with_box)
    training["first_losses"] = kept.get("first_losses", [])
    output = box_path()
    model = runs[-1] / "model.pt"
    if mean or mean_with_box:
        average_models([*[output] * mean_with_box, *(run / "model.pt" for run in runs)], output)
        model = output
    annotate_model(model, notes_of(training), output=output, others=False)
    unseen = [row.path for row in read_rows(data) if row.source == HANNOVER]
    found = add_statistics(output, read_datalist(runs[-1] / "datalist.json"), unseen).familiarity
    size = output.stat().st_size / 1e6
    if size > 10:
        raise InputError(f"{output}: has {size:.1f} MB; at most 10 may go into the box.")
    write_json(TRAINING, training)
    click.echo(f"{output}: {size:.1f} MB, flags from {found.images} images and the limit from {found.unseen}")


@main.command()
@data_option
@model_option
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Parts to make anew. Default: all.")
@click.option("--most", type=int, help="Images of a bed at most, to try.")
@click.option("--more", multiple=True, metavar="NAME=FOLDER", help="Images that are no chests, for the flags.")
@click.option("--results", type=click.Path(path_type=Path), default=RESULTS)
def evaluate(
    data: Path, model: Path, only: tuple[str, ...], most: int | None, more: tuple[str, ...], results: Path
) -> None:
    """Score the model on images that it has not seen: some minutes."""
    from .classes import evaluate_classes
    from .cost import measure_cost
    from .fidelity import evaluate_beds, gain_by_severity
    from .flags import flag_rates

    torch.set_num_threads(1)
    rows, restorer = read_rows(data), Restorer(model)
    digest = model_digest(model)
    found = json.loads(results.read_text(encoding="utf-8")) if results.is_file() else {}
    if found.get("model") != digest:
        found = {"model": digest, "line": restorer.line, "commit": commit()}
    folders = {name: Path(folder) for name, _, folder in (given.partition("=") for given in more)}
    for part in only or PARTS:
        if part == "beds":
            found[part] = evaluate_beds(rows, restorer, data, most)
        elif part == "severity":
            found[part] = gain_by_severity(rows, restorer, most)
        elif part == "classes":
            found[part] = evaluate_classes(rows, restorer)
        elif part == "flags":
            found[part] = flag_rates(rows, restorer, data, folders)
        else:
            found[part] = measure_cost(restorer)
        write_json(results, found)
        click.echo(f"{results}: {part}")


@main.command()
@data_option
@click.option("--datalist", type=click.Path(path_type=Path), required=True, help="Of the training.")
@click.option("--model", "models", type=click.Path(path_type=Path), multiple=True, default=("box",), show_default=True)
@click.option("--results", type=click.Path(path_type=Path), default=VALIDATION)
def validate(data: Path, datalist: Path, models: tuple[Path, ...], results: Path) -> None:
    """Score models on validation images, to choose among stages before the test is looked at: minutes for each."""
    from .validation import score_on_validation, table, validation_cases

    torch.set_num_threads(1)
    cases = validation_cases(data, datalist)
    found = json.loads(results.read_text(encoding="utf-8")) if results.is_file() else {}
    for model in models:
        found[model_digest(model)[:12]] = score_on_validation(model, cases)
        write_json(results, found)
    click.echo(table({str(model): found[model_digest(model)[:12]] for model in models}))


@main.command()
@data_option
@model_option
@click.option("--results", type=click.Path(path_type=Path), default=RESULTS)
def card(data: Path, model: Path, results: Path) -> None:
    """Write the model card, its figures and the bundle's metadata from the results."""
    from .card import write_card, write_metadata
    from .examples import example_columns
    from .fidelity import worst
    from .figures import draw_grid, draw_severity, draw_worst

    found = json.loads(results.read_text(encoding="utf-8"))
    rows, restorer = read_rows(data), Restorer(model)
    if found["model"] != model_digest(model):
        raise InputError(f"{results}: is of another model; python -m benchmarks.box evaluate makes it anew.")
    draw_severity(found["severity"], FIGURES / "box_severity.png")
    draw_worst(worst(found["beds"]), found["beds"], rows, restorer, FIGURES / "box_worst.png")
    draw_grid(example_columns(rows, restorer), FIGURES / "box_restored.png", ["poor", "restored", "original"], 192)
    write_card(found, json.loads(TRAINING.read_text(encoding="utf-8")))
    write_metadata(found)


@main.command()
@data_option
def examples(data: Path) -> None:
    """Write the radiographs that the documentation ships to try the model on."""
    from .examples import FOLDER, write_examples

    write_examples(data, read_rows(data))
    click.echo(f"{FOLDER}: {', '.join(path.name for path in sorted(FOLDER.iterdir()))}")


@main.command("first-steps")
@data_option
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Folder of the run.")
@click.option("--record", is_flag=True, help="Keep the losses as those to compare with.")
def first_steps(data: Path, output: Path, record: bool) -> None:
    """Train for the first 50 steps with the recorded command and compare the losses with those of then."""
    training = json.loads(TRAINING.read_text(encoding="utf-8"))
    losses = train_first_steps(training["stages"][0]["settings"], data, output)
    if record:
        write_json(TRAINING, {**training, "first_losses": losses})
        return
    differences = [abs(a - b) for a, b in zip(losses, training["first_losses"], strict=True)]
    click.echo(f"{len(losses)} steps, largest difference of a loss {max(differences):.2g}")
    if max(differences) > TOLERANCE:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
