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
from pathlib import Path

import click

from .next_steps import restore_command, say_next


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--datalist",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The images that the model was trained on, such as datalist.json of its run.",
)
@click.option(
    "--unseen",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Images of the same kind from other sources, which say where unfamiliar begins; may be given several times.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of what is drawn.")
def familiarity(model: Path, datalist: Path, unseen: Sequence[Path], seed: int) -> None:
    """Keep in the model file MODEL what its training images look like, so that others can be told from them.

    Training does so at its end. Give the command for a model of an earlier version, or to set the limit anew: it is
    such that 1 % of the images given by --unseen, or about as many like those of training, are called unfamiliar.
    """
    from monai_r2c.data import read_datalist
    from monai_r2c.handlers import add_statistics

    check = add_statistics(model, read_datalist(datalist, required=["training/good"]), unseen, seed)
    found = check.familiarity
    source = f"{found.unseen} images of other sources" if found.unseen else "the training images"
    click.echo(f"{model}: knows {found.images // 2} training images now; the limit is from {source}.")
    say_next(restore_command(model))
