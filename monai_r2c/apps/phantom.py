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

from .next_steps import say_next, training_commands

_IMAGES = click.IntRange(2, 9999)
_SEED = "Of all random choices; the same seed writes the same files."


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--size", type=click.IntRange(32, 1024), default=128, show_default=True, help="Rows and columns, in pixels."
)
@click.option("--train", type=_IMAGES, default=64, show_default=True, help="Images per domain to train with.")
@click.option("--validation", type=_IMAGES, default=16, show_default=True, help="Images per domain to validate with.")
@click.option("--test", type=_IMAGES, default=32, show_default=True, help="Images per domain to test with.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help=_SEED)
def phantom(out: Path, size: int, train: int, validation: int, test: int, seed: int) -> None:
    """Write synthetic chest radiographs, poor and good, to the new or empty folder OUT.

    Half of each domain show ground-glass opacities (class covid). OUT/labels.csv names each image's class and, for poor
    images of validation and test, the clean original. No patient was exposed: the bodies are drawn, not imaged.
    """
    from monai_r2c.data.phantom import write_phantom_dataset

    counts = {"train": train, "validation": validation, "test": test}
    written = write_phantom_dataset(out, counts, size=size, seed=seed, progress=True)
    click.echo(f"{written} phantom radiographs of {size} x {size} pixels in {out}; labels in {out / 'labels.csv'}")
    say_next(*training_commands("dataset_dir", out, f"--classes non-covid,covid --image_size {size}"))
