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
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'^__version__ = "(.+)"$', (HERE / "monai_r2c/__init__.py").read_text(), re.MULTILINE)
if VERSION is None:
    raise RuntimeError("monai_r2c/__init__.py holds no __version__.")

EXPORT = ["onnx", "onnxscript", "onnxruntime"]
TENSORFLOW = ["tensorflow-cpu>=2.15; platform_machine == 'x86_64'", "tensorflow>=2.15; platform_machine != 'x86_64'"]
FIT = ["cma"]
BENCHMARK = ["scikit-image", "scikit-learn", "PyWavelets", "einops"]
TEST = [
    "pytest",
    "pytest-timeout",
    "pytest-xdist",
    "ruff",
    "mypy",
    "selenium",
    "types-PyYAML",
    "types-tqdm",
]

setup(
    name="monai_r2c",
    version=VERSION[1],
    description="Blind restoration of medical images together with diagnosis: R2C-GAN and operational layers on MONAI",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["monai_r2c", "monai_r2c.*"]),
    package_data={"monai_r2c.report": ["page.html", "page.css", "page.js"]},
    python_requires=">=3.10",
    install_requires=[
        "torch>=2.8",
        "monai>=1.6.1",
        "pytorch-ignite>=0.5.5",
        "numpy>=1.26,<3",
        "nibabel",
        "itk-io>=5.4",
        "pydicom>=3.0.1",
        "pylibjpeg",
        "pylibjpeg-libjpeg",
        "pylibjpeg-openjpeg",
        "pyjpegls",
        "pillow",
        "scipy",
        "tensorboard",
        "pyyaml",
        "fire",
        "tqdm",
        "click",
    ],
    extras_require={
        "fit": FIT,
        "export": EXPORT,
        "tensorflow": TENSORFLOW,
        "benchmark": BENCHMARK,
        "docs": ["sphinx", "furo", "myst-parser", "matplotlib"],
        "test": [*TEST, *EXPORT, *FIT, *BENCHMARK, "jsonschema"],
    },
    entry_points={"console_scripts": ["monai-r2c = monai_r2c.apps.cli:main"]},
    classifiers=[
        "Programming Language :: Python :: 3",
        "Intended Audience :: Science/Research",
        "Intended Audience :: Healthcare Industry",
        "Topic :: Scientific/Engineering :: Medical Science Apps.",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
