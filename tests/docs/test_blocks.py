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

"""Commands and code of README and the pages stand as one can run them; `make doctest` runs them, in minutes."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
import yaml
from monai.bundle import ConfigParser

from monai_r2c.apps.cli import cli

TREE = Path(__file__).parents[2]
CONFIGS = TREE / "bundles/chest_xray_restore_classify/configs"
_spec = importlib.util.spec_from_file_location("blocks", TREE / "docs/blocks.py")
assert _spec is not None
assert _spec.loader is not None
blocks = importlib.util.module_from_spec(_spec)
sys.modules["blocks"] = blocks  # where dataclasses look their module up
_spec.loader.exec_module(blocks)

ALL = [block for page in blocks.pages() for block in blocks.blocks_of(page)]


def _commands(start: str) -> list[tuple[str, list[str]]]:
    """Words of each command that starts so, with where it stands; variables of the shell are written out."""
    found = []
    for block in ALL:
        if block.language != "bash":
            continue
        for line in blocks.commands_of(block):
            for part in re.split(r"&&|;", line.partition("  #")[0]):
                if start in part:
                    words = shlex.split(re.sub(r"\$B\b|(?<![\w/])configs(?=/)", str(CONFIGS), part))
                    found.append((block.place, words))
    return found


def test_every_block_says_what_it_is() -> None:
    unknown = [
        f"{block.place} ({block.language!r})" for block in ALL if block.language not in (*blocks.RUN, *blocks.SHOWN)
    ]
    assert unknown == []
    assert len([block for block in ALL if block.language in blocks.RUN]) > 50


def test_what_is_not_run_says_why_and_is_the_exception() -> None:
    runnable = [block for block in ALL if block.language in blocks.RUN]
    assert sum(bool(block.reason) for block in runnable) <= 0.3 * len(runnable)


@pytest.mark.parametrize("language", ["python", "yaml"])
def test_blocks_of_code_can_be_read(language: str) -> None:
    for block in ALL:
        if block.language == language == "python":
            compile(block.text, block.place, "exec")
        elif block.language == language:
            yaml.safe_load(re.sub(r"[@%$](?=\w)", "", block.text))


def test_errors_of_the_questions_are_those_that_the_package_tells() -> None:
    told = []
    for path in (TREE / "monai_r2c").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values]
                told.append("".join(parts).replace("labels.csv", "{}"))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n    " not in node.value:
                told.append(node.value)
    text = (TREE / "docs/source/faq.md").read_text(encoding="utf-8")
    asked = re.findall(r'^\*\*`([^`\n]+)`|^\*\*[^*`"\n]*"([^"\n]+)"', text, re.MULTILINE)
    errors = [quoted or said for quoted, said in asked if not (quoted or said).startswith("No module named")]
    assert len(errors) > 10
    for error in errors:
        given = re.sub(r"^imagesize|labels\.csv|^onnxscript|onnx_export|(?<=n=)3", "{}", error)
        variants = {given, error, given.replace("n=", ""), given.replace("needs", "{}")}
        assert any(variant.strip("{}") in line for variant in variants for line in told), error


def test_each_extension_is_a_diff_that_applies(tmp_path: Path) -> None:
    diffs = [block for block in ALL if block.language == "diff"]
    headings = re.findall(r"^## .+", (TREE / "docs/source/extending.md").read_text(), re.MULTILINE)
    assert len(diffs) == len(headings) == 6
    for block in diffs:
        subprocess.run(["git", "apply", "-"], input=block.text, cwd=tmp_path, text=True, check=True)
    for path in tmp_path.rglob("*.yaml"):
        assert yaml.safe_load(path.read_text().replace("@", ""))
    for path in tmp_path.glob("my_*.py"):
        compile(path.read_text(), path.name, "exec")


def test_method_of_the_page_is_one_of_the_benchmark(tmp_path: Path) -> None:
    pytest.importorskip("skimage", reason="the benchmark needs the extra: pip install monai_r2c[benchmark]")
    text = next(block.text for block in ALL if block.language == "diff" and "methods/median.py" in block.text)
    code = "\n".join(line[1:] for line in text.splitlines() if line.startswith("+") and line[:2] != "++")
    names: dict = {"__package__": "benchmarks.restoration.methods"}
    exec(compile(code, "median.py", "exec"), names)
    method = names["METHOD"]
    spots = np.zeros((9, 9))
    spots[4, 4] = 1
    assert method.title == "median"
    assert [float(method.function(spots, size=size).max()) for size in method.grid["size"]] == [0.0, 0.0, 0.0]


def test_options_of_the_pages_are_those_of_the_commands() -> None:
    commands = _commands("monai_r2c ")
    assert len(commands) > 15
    for place, words in commands:
        words = words[words.index("monai_r2c") + 1 :]
        command: click.Command = cli
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            named = command.get_command(click.Context(command), words.pop(0))
            assert named is not None, place
            command = named
        known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        known |= {"--help", "-h", "--version"}
        unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in known]
        assert unknown == [], place


def test_keys_of_the_pages_are_those_of_the_configs() -> None:
    commands = [(place, words) for place, words in _commands("monai.bundle run ") if "--config_file" in words]
    assert len(commands) > 10
    for place, words in commands:
        files = words[words.index("--config_file") + 1].strip("[]").replace("'", "").split(",")
        read = [str(TREE / file) for file in files if (TREE / file).is_file()]
        assert read, place
        parser = ConfigParser()
        parser.read_config(read)
        for key in [
            word[2:] for word in words if word.startswith("--") and word not in ("--config_file", "--standalone")
        ]:
            if not key.startswith(("nproc", "nnodes", "rdzv")):
                assert key.partition("::")[0] in parser, f"{place}: {key}"
