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
from typing import Any

from monai_r2c.utils import InputError

from .datalist import read_datalist
from .image_files import list_images

_TESTING = "testing/poor"


def inference_items(images: str | Path | None, datalist: str | Path | None) -> list[dict[str, Any]]:
    """List the radiographs to restore.

    Args:
        images: a folder, searched with all its sub-folders, or one file; None takes the poor test images of `datalist`.
        datalist: JSON file, see `read_datalist`.

    Returns:
        Dictionaries with ``image`` (absolute path) and ``file`` (the path as shown to the user).

    Raises:
        InputError: when there is no such folder, file or datalist, or no image in it.
    """
    if images is None:
        if datalist is None or not Path(datalist).is_file():
            raise InputError(f"{datalist}: no datalist there; give --images FOLDER or --datalist FILE.")
        items = read_datalist(datalist, required=[_TESTING]).items(*_TESTING.split("/"))
        return [{"image": item["image"], "file": item["file"]} for item in items]
    root = Path(images)
    if root.is_file():
        return [{"image": str(root.resolve()), "file": root.name}]
    if not root.is_dir():
        raise InputError(f"images: {images} is neither a folder nor a file.")
    found = list_images(root)
    if not found:
        raise InputError(f"images: {images} holds no radiograph; expected PNG, TIFF, JPEG, DICOM, NIfTI or MetaImage.")
    return [{"image": str(path.resolve()), "file": path.relative_to(root).as_posix()} for path in found]
