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

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from monai_r2c.utils import InputError, in_one_line

from .next_steps import say_next, training_commands
from .options import MODALITIES, modality_option, output_option, reader_option

if TYPE_CHECKING:
    from monai_r2c.data import Datalist
    from monai_r2c.data.datalist import ImageFolder

_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_FRACTION = click.FloatRange(0, 1, max_open=True)

# the parameters of which each source needs one, and those that it also heeds
_NAMING = {"label_patterns", "patient_pattern", "skip_other_labels", "poor", "good"}
_ALWAYS = {"classes", "test", "validation", "seed", "keep_alike", "modalities", "reader", "output"}
_SOURCES: dict[str, tuple[set[str], set[str]]] = {
    "--manifest": (
        {"manifest"},
        {"image", "image_root", "label", "domain", "split", "patient", "source_column", "study", "view", "conditions"}
        | _NAMING,
    ),
    "--dataset-dir": ({"dataset_dir"}, set()),
    "folders": ({"folders", "poor_folders", "good_folders"}, {"quality"} | _NAMING),
}


@click.command()
@click.option("--manifest", type=_FILE, help="Source: a CSV file with one row an image.")
@click.option("--dataset-dir", type=_FOLDER, help="Source: a folder with trainA, trainB, ... or train/poor, ...")
@click.option("--folder", "folders", multiple=True, metavar="[LABEL=]DIR", help="Source: images graded in --quality.")
@click.option("--poor-folder", "poor_folders", multiple=True, metavar="[LABEL=]DIR", help="Source: poor images.")
@click.option("--good-folder", "good_folders", multiple=True, metavar="[LABEL=]DIR", help="Source: good images.")
@click.option("--quality", type=_FILE, help="For --folder: CSV file with columns file and quality.")
@click.option("--classes", help="Class names with commas between them, in the order of their indices.")
@click.option("--image", default="file", show_default=True, help="Manifest: column of the image's path.")
@click.option("--image-root", type=_FOLDER, help="Manifest: folder of the images, else the manifest's own.")
@click.option("--label", help="Manifest: column of the class name.")
@click.option("--domain", default="quality", show_default=True, help="Manifest: column that tells poor from good.")
@click.option("--split", help="Manifest: column of train, validation or test.")
@click.option("--patient", help="Manifest: column of the patient.")
@click.option("--source", "source_column", help="Manifest: column of the hospital, device or collection.")
@click.option("--study", help="Manifest: column of the study (examination).")
@click.option("--view", help="Manifest: column of the projection.")
@click.option("--where", "conditions", multiple=True, metavar="COLUMN=VALUE", help="Manifest: take such rows only.")
@click.option("--poor", multiple=True, default=["poor"], show_default=True, help="Value that means poor; may repeat.")
@click.option("--good", multiple=True, default=["good"], show_default=True, help="Value that means good; may repeat.")
@click.option("--skip-other-labels", is_flag=True, help="Leave out images whose label is not in --classes.")
@click.option("--label-pattern", "label_patterns", multiple=True, metavar="LABEL=REGEX", help="Label by a file's name.")
@click.option("--patient-pattern", metavar="REGEX", help="Patient by a file's name: first group or whole match.")
@click.option("--test", type=_FRACTION, help="Share for testing where nothing gives a split.  [default: 0.2]")
@click.option("--validation", type=_FRACTION, default=0.1, show_default=True, help="Share of training where none is.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of both shares.")
@click.option("--keep-alike", is_flag=True, help="Do not look for images that show the same picture (takes reading).")
@modality_option()
@reader_option()
@output_option("JSON file to write.")
def datalist(
    manifest: Path | None,
    dataset_dir: Path | None,
    folders: Sequence[str],
    poor_folders: Sequence[str],
    good_folders: Sequence[str],
    quality: Path | None,
    classes: str | None,
    image: str,
    image_root: Path | None,
    label: str | None,
    domain: str,
    split: str | None,
    patient: str | None,
    source_column: str | None,
    study: str | None,
    view: str | None,
    conditions: Sequence[str],
    poor: Sequence[str],
    good: Sequence[str],
    skip_other_labels: bool,
    label_patterns: Sequence[str],
    patient_pattern: str | None,
    test: float | None,
    validation: float,
    seed: int,
    keep_alike: bool,
    modalities: Sequence[str],
    reader: str,
    output: Path,
) -> None:
    """Write a datalist: which images are poor or good, of which class, for training, validation and testing.

    The source is one of: a manifest; a dataset folder; or folders of a collection, graded poor or good by a quality.csv
    (see the quality command) or by lying in separate folders. Patterns are searched in a file's own name, never in its
    path. Shares are drawn by domain and class, with a seed, and never divide a patient. DICOM files tell patient,
    study, source and view where nothing else does; those of other modalities are left out.
    """
    source = _require_one_source()
    given = (*folders, *poor_folders, *good_folders)
    is_labelled = bool(label or label_patterns or any(_label_and_folder(text)[0] for text in given))
    if classes is None and dataset_dir is None and is_labelled:
        raise InputError(_ask_for_classes(given))
    if manifest is not None and classes is not None and "," in classes and not is_labelled:
        raise InputError("--manifest needs --label, the column of the class name, or --label-pattern")
    if folders and quality is None:
        raise InputError("--folder needs --quality, a CSV file that grades its images; see the quality command")
    _check_exists(manifest, dataset_dir, quality, *(_label_and_folder(text)[1] for text in given))
    from monai_r2c.data import Datalist, read_dataset_dir
    from monai_r2c.data.datalist import (
        UNLABELLED,
        ManifestColumns,
        NamePatterns,
        Rules,
        Selection,
        check_classes,
        find_alike,
        find_identical,
        hold_out,
        select_from_folders,
        select_from_manifest,
    )
    from monai_r2c.data.dicom_tags import of_modalities, read_dicom_tags, with_dicom_tags

    names = None if classes is None else check_classes(classes, "--classes")
    if names is None and dataset_dir is None:
        names = (UNLABELLED,)
    if dataset_dir is not None:
        read = read_dataset_dir(dataset_dir, names, required=())
        names, selection = read.classes, Selection(list(read.entries))
    else:
        assert names is not None
        by_label = [_pair(text, "LABEL=REGEX") for text in label_patterns]
        patterns = NamePatterns(
            [(name, _regex(pattern)) for name, pattern in by_label],
            None if patient_pattern is None else _regex(patient_pattern),
        )
        rules = Rules(names, poor, good, patterns, skip_other_labels)
        if manifest is not None:
            columns = ManifestColumns(image, domain, label, split, patient, source_column, study, view)
            where = dict(_pair(condition, "COLUMN=VALUE") for condition in conditions)
            selection = select_from_manifest(manifest, rules, columns, image_root, where)
        else:
            graded = [(None, folders), ("poor", poor_folders), ("good", good_folders)]
            sources = [_folder(text, of_all) for of_all, texts in graded for text in texts]
            selection = select_from_folders(sources, rules, quality)
    tags = read_dicom_tags(selection.entries)
    entries, other = of_modalities(selection.entries, tags, (*MODALITIES, *modalities))
    entries = with_dicom_tags(entries, tags)
    identical = find_identical(file for entry in entries for file in (entry.image, entry.reference) if file)
    alike = [] if keep_alike else find_alike((entry.image for entry in entries), reader=reader)
    copies = [*identical, *((first, second) for first, second, _ in alike)]
    if split is None and all(entry.section == "training" for entry in entries):
        entries = hold_out(entries, "testing", 0.2 if test is None else test, seed, copies)
    elif test is not None:
        raise InputError(f"--test is for images without a split, but {source} gives one; leave it out")
    if all(entry.section != "validation" for entry in entries):
        entries = hold_out(entries, "validation", validation, seed, copies)
    result = Datalist(names, tuple(entries))
    result.check(manifest or dataset_dir or "the given folders")
    _check_alike(result, alike)
    result.write(output)
    _report(result, selection.left_out + other)
    for first, second, likeness in alike:
        click.echo(f"alike: {in_one_line(first)} and {in_one_line(second)} (correlation {likeness:.3f})")
    click.echo(f"wrote {output}")
    say_next(*training_commands("datalist", output))


def _check_alike(result: Datalist, alike: Sequence[tuple[str, str, float]]) -> None:
    """Refuse given splits with one picture in two sections."""
    sections = {entry.image: entry.section for entry in result.entries}
    across = [pair for pair in alike if sections[pair[0]] != sections[pair[1]]]
    for first, second, likeness in across:
        raise InputError(
            f"{first} in {sections[first]} and {second} in {sections[second]} show the same picture (correlation "
            f"{likeness:.3f}), as do {len(across) - 1} other pairs; put them into one section, or give --keep-alike"
        )


def _require_one_source() -> str:
    """Name of the source that the options give; refuses options that it would ignore."""
    context = click.get_current_context()
    given = {
        option.name: option.opts[0]
        for option in context.command.params
        if option.name and context.get_parameter_source(option.name) == ParameterSource.COMMANDLINE
    }
    sources = [source for source, (needs_one_of, _) in _SOURCES.items() if needs_one_of & given.keys()]
    if len(sources) != 1:
        raise InputError("give one source: --manifest, --dataset-dir, or --folder, --poor-folder and --good-folder")
    needs_one_of, also = _SOURCES[sources[0]]
    for name in sorted(given.keys() - needs_one_of - also - _ALWAYS):
        raise InputError(f"{given[name]} has no meaning with {sources[0]}; leave it out")
    return sources[0]


def _ask_for_classes(folders: Sequence[str]) -> str:
    told = [label for label in dict.fromkeys(_label_and_folder(text)[0] for text in folders) if label]
    example = ",".join(reversed(told)) if len(told) > 1 else "non-covid,covid"
    return (
        f"--classes is needed, such as --classes {example}: their order is that of the outputs, and of two the "
        "second is the positive one"
    )


def _pair(text: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise InputError(f"{text!r}: expected {form}")
    return name, value


def _check_exists(*paths: Path | None) -> None:
    for path in paths:
        if path is not None and not path.exists():
            raise InputError(f"{path}: there is no such {'file' if path.suffix else 'folder'}.")


def _folder(text: str, domain: str | None) -> ImageFolder:
    from monai_r2c.data.datalist import ImageFolder

    label, folder = _label_and_folder(text)
    return ImageFolder(folder, label, domain)


def _label_and_folder(text: str) -> tuple[str | None, Path]:
    label, equals, folder = text.partition("=")
    return (label, Path(folder)) if equals and "/" not in label else (None, Path(text))


def _regex(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise InputError(f"{pattern!r} is not a regular expression: {error}") from error


def _report(result: Datalist, left_out: Counter[str]) -> None:
    from monai_r2c.data import find_confounding
    from monai_r2c.data.datalist import DOMAINS, SECTIONS

    counts = Counter((entry.section, entry.domain, entry.label) for entry in result.entries)
    width = max(len(name) for name in (*result.classes, "images")) + 2
    click.echo(f"{'':18}" + "".join(f"{name:>{width}}" for name in (*result.classes, "images")))
    for section in SECTIONS:
        for domain in DOMAINS:
            row = [counts[section, domain, label] for label in range(len(result.classes))]
            click.echo(f"{f'{section} {domain}':18}" + "".join(f"{count:>{width}}" for count in (*row, sum(row))))
    for reason, count in sorted(left_out.items()):
        click.echo(f"left out: {count} with {reason}")
    for warning in find_confounding(result):
        click.echo(f"warning: {warning}")
    if len(result.classes) == 1:
        click.echo("notice: there is only one class, so restoration alone will be learned and judged (see --classes)")
    if any(entry.patient is None for entry in result.entries):
        click.echo("notice: no patient is given, so images of one patient may be in several splits (see --patient)")
