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

import os
import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'^__version__ = "(.+)"$', (HERE / "monai_r2c/__init__.py").read_text(), re.MULTILINE)
if VERSION is None:
    raise RuntimeError("monai_r2c/__init__.py holds no __version__.")

# Where the release lies, such as https://HOST/OWNER/monai_r2c, told when it is built: README's files get their absolute
# address there. Without it the description shows no picture and links to no file.
REPOSITORY = os.environ.get("MONAI_R2C_REPOSITORY", "").rstrip("/")
URLS = {
    "Paper": "https://arxiv.org/abs/2209.14770",
    "Article": "https://doi.org/10.1016/j.patcog.2024.110765",
    "MONAI": "https://monai.io",
}
if REPOSITORY:
    URLS |= {
        "Source": REPOSITORY,
        "Issues": f"{REPOSITORY}/issues",
        "Documentation": f"{REPOSITORY}/blob/v{VERSION[1]}/docs/source/index.md",
        "Changelog": f"{REPOSITORY}/blob/v{VERSION[1]}/CHANGELOG.md",
    }


def long_description() -> str:
    """README as a package index can show it: every link absolute."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    if not REPOSITORY:
        text = re.sub(r"!\[[^\]]*\]\((?!https?:)[^)]+\)\n\n\*[^*]+\*\n\n", "", text)  # a picture and its caption
        return re.sub(r"\[([^\]]+)\]\((?!https?:)[^)]+\)", r"\1", text)
    text = re.sub(r"(!\[[^\]]*\]\()(?!https?:)", rf"\1{REPOSITORY}/raw/v{VERSION[1]}/", text)
    return re.sub(r"(\[[^\]]*\]\()(?!https?:)", rf"\1{REPOSITORY}/blob/v{VERSION[1]}/", text)


EXPORT = ["onnx", "onnxscript", "onnxruntime"]
TENSORFLOW = ["tensorflow-cpu>=2.15; platform_machine == 'x86_64'", "tensorflow>=2.15; platform_machine != 'x86_64'"]
FIT = ["cma"]
BENCHMARK = ["scikit-image", "scikit-learn", "PyWavelets", "einops"]
STUDY = ["fastapi", "uvicorn", "statsmodels>=0.14"]
TEST = [
    "hypothesis",
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
    long_description=long_description(),
    long_description_content_type="text/markdown",
    license_expression="Apache-2.0",
    license_files=["LICENSE", "NOTICE"],
    project_urls=URLS,
    keywords=[
        "medical imaging",
        "image restoration",
        "radiography",
        "chest x-ray",
        "classification",
        "CycleGAN",
        "R2C-GAN",
        "Self-ONN",
        "operational neural networks",
        "MONAI",
        "PyTorch",
    ],
    # the bundles stand at the top of the tree, and in the package where it is installed
    packages=[*find_packages(include=["monai_r2c", "monai_r2c.*"]), "monai_r2c.bundles"],
    package_dir={"monai_r2c.bundles": "bundles"},
    package_data={
        "monai_r2c": ["py.typed"],
        "monai_r2c.report": ["*.html", "*.css", "*.js"],
        "monai_r2c.study": ["assets/*"],
        "monai_r2c.bundles": ["*/LICENSE", "*/*.sh", "*/configs/*", "*/docs/*", "*/models/*.md", "*/models/model.pt"],
    },
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
        "rich>=13.9",
        "click",
    ],
    extras_require={
        "fit": FIT,
        "export": EXPORT,
        "tensorflow": TENSORFLOW,
        "benchmark": BENCHMARK,
        "study": STUDY,
        "docs": ["sphinx", "furo", "myst-parser", "sphinx-copybutton", "sphinx-design", "sphinx-gallery", "matplotlib"],
        "test": [*TEST, *EXPORT, *FIT, *BENCHMARK, *STUDY, "httpx", "jsonschema"],
    },
    entry_points={"console_scripts": ["monai-r2c = monai_r2c.apps.cli:main"]},
    classifiers=[
        "Development Status :: 4 - Beta",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Typing :: Typed",
        "Intended Audience :: Science/Research",
        "Intended Audience :: Healthcare Industry",
        "Topic :: Scientific/Engineering :: Medical Science Apps.",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
