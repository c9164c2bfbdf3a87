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

import subprocess
import sys
from pathlib import Path

import pytest

from monai_r2c.utils import InputError
from monai_r2c.utils.extras import require

CONFIGS = Path(__file__).parents[1] / "bundles/chest_xray_restore_classify/configs"


def test_a_missing_package_is_told_with_the_extra_that_brings_it() -> None:
    assert require("math", "fit", "a sum").sqrt(4) == 2
    with pytest.raises(InputError, match=r"no_such_package is not installed; a sum needs it: .*'monai_r2c\[fit\]'"):
        require("no_such_package.part", "fit", "a sum")


def test_onnx_export_without_its_extra_names_it_in_one_line(tmp_path: Path) -> None:
    hide = "import importlib.util as u, sys; f = u.find_spec; sys.modules['onnxscript'] = None\n"
    hide += "u.find_spec = lambda name, *more: None if name == 'onnxscript' else f(name, *more)\n"
    (tmp_path / "sitecustomize.py").write_text(hide)
    line = [sys.executable, "-m", "monai.bundle", "onnx_export", "network_def", "--filepath", "model.onnx"]
    line += ["--ckpt_file", "none.pt", "--model", "none.pt", "--input_shape", "[1,1,32,32]"]
    line += ["--meta_file", str(CONFIGS / "metadata.json"), "--config_file", str(CONFIGS / "inference.yaml")]
    tree = str(Path(__file__).parents[1])
    done = subprocess.run(
        line,
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{tree}", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("onnx_export needs it: pip install 'monai_r2c[export]'")
    assert "Traceback" not in done.stderr
