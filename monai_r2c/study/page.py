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
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from monai_r2c.utils.files import replaced_at_once

from .pixels import to_text

_SCRIPTS = ("cornerstone-core.min.js", "pixels.js", "viewer.js", "store.js", "session.js")


def write_page(path: Path, schedule: Mapping[str, Any], images: Path) -> Path:
    """Write the readers' page as one file that works from a disk without a network.

    Args:
        path: the file to write.
        schedule: what the readers see, without the key.
        images: folder of the packed images.
    """
    head, tail = page_parts({**schedule, "mode": "file"})
    with replaced_at_once(path) as partial, partial.open("w", encoding="utf-8", newline="") as page:
        page.write(head)
        for image in sorted(images.glob("*.bin")):  # sorted by random names
            page.write(f'<script type="text/plain" id="image-{image.stem}">{to_text(image.read_bytes())}</script>\n')
        page.write(tail)
    return path


def page_parts(study: Mapping[str, Any]) -> tuple[str, str]:
    """The page before and after the place of the images.

    Args:
        study: schedule and ``mode``: ``file``, or ``server`` for a page that asks for images and keeps answers there.
    """
    assets = files("monai_r2c.study").joinpath("assets")
    read = {name: assets.joinpath(name).read_text(encoding="utf-8") for name in (*_SCRIPTS, "page.html", "page.css")}
    # the library's map of source lines is not there; a browser would look for it
    library = "\n".join(line for line in read[_SCRIPTS[0]].splitlines() if not line.startswith("//# sourceMappingURL"))
    page = Template(read["page.html"]).substitute(
        style=read["page.css"],
        study=json.dumps(study, sort_keys=True).replace("<", "\\u003c"),
        images="\0",
        script="\n".join([library, *(read[name] for name in _SCRIPTS[1:])]),
    )
    head, _, tail = page.partition("\0")
    return head, tail
