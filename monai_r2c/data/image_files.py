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

import logging
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from monai_r2c.transforms.radiograph.formats import find_kind
from monai_r2c.utils import InputError, in_one_line

_logger = logging.getLogger(__name__)

IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm", ".dicom", ".ima"),
    *(".nii", ".nii.gz", ".mha", ".mhd"),
)
"""Files so named are images whatever they hold, so that whoever reads one says why it fails."""

NO_IMAGE, HIDDEN, DIRECTORY = "no images by name and content", "hidden", "directories of a DICOM medium"
NOT_A_FILE, NOWHERE = "no regular files", "links that lead nowhere"
_SHOWN = 3


@dataclass(frozen=True)
class FoundImages:
    """What a search of a folder found: every file is among `images` or `passed_over`.

    Args:
        images: sorted.
        passed_over: files that are no images, by the reason.
        closed: folders that could not be searched, with the reason.
    """

    images: list[Path] = field(default_factory=list)
    passed_over: dict[str, list[Path]] = field(default_factory=dict)
    closed: list[str] = field(default_factory=list)

    def describe(self) -> str:
        """One line on what was passed over and why, such as ``3 no images ... (2 .txt, README)``; may be empty."""
        return ", ".join(
            f"{len(paths)} {reason} ({_named(paths)})" for reason, paths in self.passed_over.items() if paths
        )


def find_images(folder: str | Path) -> FoundImages:
    """Search a folder and its sub-folders for images, and say what else lies there.

    A file is an image when its name ends in one of `IMAGE_SUFFIXES`, in any case, or its first bytes are those of a
    format that is read, whatever its name: DICOM files often have none that tells, and older ones no preamble. Passed
    over are other files, ``DICOMDIR``, and files and folders whose name starts with a dot. Every folder is searched
    once, however many links lead to it: by its own place first, through links then; links to a folder above are not
    followed.
    """
    found = FoundImages(passed_over={reason: [] for reason in (NO_IMAGE, HIDDEN, DIRECTORY, NOT_A_FILE, NOWHERE)})
    for path in _walk(Path(folder), found.closed):
        reason = _why_not(path)
        (found.images if reason is None else found.passed_over[reason]).append(path)
    found.images.sort()
    return found


def list_images(folder: str | Path) -> list[Path]:
    """Return the images in a folder and its sub-folders, sorted; see `find_images`.

    A warning is logged, one line, of what was passed over and why.

    Raises:
        InputError: when a folder in it cannot be searched.
    """
    found = find_images(folder)
    for reason in found.closed:
        raise InputError(reason)
    if found.describe():
        _logger.warning(in_one_line(f"{folder}: passed over {found.describe()}."))
    return found.images


def _walk(top: Path, closed: list[str]) -> Iterator[Path]:
    """Every file once for each folder that it really lies in; folders behind links come after all others."""
    seen: set[tuple[int, int]] = set()
    waiting: list[Path] = [top]
    links: list[Path] = []
    while waiting or links:
        folder = waiting.pop() if waiting else links.pop(0)
        try:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            closed.append(f"{folder}: the folder cannot be searched ({error.strerror}).")
            continue
        for entry in found:
            if not entry.is_dir():
                yield Path(entry.path)
            elif entry.name.startswith("."):
                continue
            elif entry.is_symlink():
                links.extend([] if _leads_back(Path(entry.path)) else [Path(entry.path)])
            else:
                waiting.append(Path(entry.path))


def _leads_back(link: Path) -> bool:
    """Whether a link leads to a folder that it is in, which may be above the one that is searched."""
    return link.parent.resolve().is_relative_to(link.resolve())


def _why_not(path: Path) -> str | None:
    """Why a file is no image, or None where it is one."""
    if path.name.startswith("."):
        return HIDDEN
    if path.name.upper() == "DICOMDIR":
        return DIRECTORY
    is_named_so = path.name.lower().endswith(IMAGE_SUFFIXES)
    if path.is_symlink() and not path.exists():
        return None if is_named_so else NOWHERE
    if not path.is_file():
        return NOT_A_FILE
    if is_named_so:
        return None
    try:
        return None if find_kind(path) else NO_IMAGE
    except OSError:
        return None  # whoever reads it says why it fails


def _named(paths: list[Path]) -> str:
    """The most frequent suffixes, or names where there is none."""
    counts = Counter(path.suffix or path.name for path in paths)
    shown = [name if count == 1 else f"{count} {name}" for name, count in counts.most_common(_SHOWN)]
    return ", ".join([*shown, "..."] if len(counts) > _SHOWN else shown)
