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
import warnings
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from inventories import write_inventories  # noqa: E402
from sphinx.application import Sphinx  # noqa: E402
from sphinx.domains.python import PyXRefRole  # noqa: E402

import monai_r2c  # noqa: E402

project = "monai_r2c"
author = "monai_r2c contributors"
project_copyright = author
version = release = monai_r2c.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
intersphinx_mapping = write_inventories(HERE.parent / "build/inventories")
default_role = "name"
suppress_warnings = ["ref.python"]  # a short name that two modules have
exclude_patterns = ["examples/**/runs", "sg_execution_times.rst"]

# the gallery's scripts run when the pages are built, in their order; a script that fails fails the build
sphinx_gallery_conf = {
    "examples_dirs": str(HERE.parent / "gallery"),
    "gallery_dirs": "generated/gallery",
    "filename_pattern": "plot_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "remove_config_comments": True,
    "download_all_examples": False,
    "write_computation_times": False,
    "show_signature": False,
    "min_reported_time": 5,
    "capture_repr": (),
}
warnings.filterwarnings("ignore", category=UserWarning)
warnings.filterwarnings("ignore", category=FutureWarning)

html_theme = "furo"
html_title = f"monai_r2c {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
copybutton_exclude = ".linenos, .gp, .go"
copybutton_prompt_text = "$ "
linkcheck_ignore = [r"http://localhost.*", r"https://example\.org.*"]
linkcheck_timeout = 20


class Name(PyXRefRole):
    """What stands between backticks in a docstring: a link where it names something of these pages, else code."""

    def run(self):
        self.name = "py:obj"
        return super().run()

    def process_link(self, env, refnode, has_explicit_title, title, target):
        title, target = super().process_link(env, refnode, has_explicit_title, title, target)
        refnode["refspecific"] = True  # found by its short name, in whichever module it is
        return title, target


def setup(app: Sphinx) -> None:
    app.add_role("name", Name())
