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

from .next_steps import restore_command, say_next
from .options import output_option

VARIANTS = ("operational", "convolutional", "convolutional_light")
_CLASSES = "non-covid,covid"
_GENERATORS = {"restorer": "G_A2B", "degrader": "G_B2A"}
_DISCRIMINATORS = {"poor_discriminator": "D_A", "good_discriminator": "D_B"}


@click.command("import-checkpoint")
@click.argument("checkpoint_dir", type=click.Path(path_type=Path))
@click.option("--variant", type=click.Choice(VARIANTS), required=True, help="Architecture.")
@click.option("--order", type=click.IntRange(min=1), default=3, show_default=True, help="Of operational layers.")
@click.option("--channels", type=click.IntRange(min=1), default=3, show_default=True, help="Channels of the images.")
@click.option("--classes", default=_CLASSES, show_default=True, help="Class names in the order of the outputs.")
@click.option("--image-size", type=click.IntRange(min=16), default=256, show_default=True, help="Trained size, pixels.")
@output_option("Model file to write.")
def import_checkpoint(
    checkpoint_dir: Path, variant: str, order: int, channels: int, classes: str, image_size: int, output: Path
) -> None:
    """Turn a TensorFlow checkpoint of the published code into a model file.

    CHECKPOINT_DIR holds what tf.train.Checkpoint wrote. The restorer is needed; degrader and discriminators are taken
    along where they are there. Needs TensorFlow: pip install 'monai_r2c[tensorflow]'.
    """
    from monai_r2c.networks import R2CDiscriminator, R2CGenerator, load_published_arrays, save_model
    from monai_r2c.networks.tensorflow_checkpoint import read_tensorflow_checkpoint, require_networks

    names = [name.strip() for name in classes.split(",")]
    variables = read_tensorflow_checkpoint(checkpoint_dir)
    require_networks(variables, [_GENERATORS["restorer"]], checkpoint_dir)
    networks: dict[str, R2CGenerator | R2CDiscriminator] = {}
    for ours, theirs in {**_GENERATORS, **_DISCRIMINATORS}.items():
        if theirs not in variables:
            continue
        network: R2CGenerator | R2CDiscriminator
        if ours in _GENERATORS:
            network = R2CGenerator(2, channels, len(names), variant=variant, order=order)
        else:
            network = R2CDiscriminator(2, channels, variant=variant, order=order)
        load_published_arrays(network, list(variables[theirs].values()), list(variables[theirs]))
        networks[ours] = network
    restorer = networks.pop("restorer")
    assert isinstance(restorer, R2CGenerator)
    save_model(output, restorer, names, image_size, **networks)
    others = ", ".join(networks) or "no other network"
    click.echo(f"{output}: {variant} restorer of order {restorer.order} with {channels} channels; {others}")
    say_next(restore_command(output))
