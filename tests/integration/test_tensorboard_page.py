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

import pytest
from example_log import write_log
from tensorboard import default, program


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = write_log(tmp_path_factory.mktemp("tensorboard"))
    server = program.TensorBoard(default.get_plugins())
    server.configure(argv=[None, "--logdir", str(folder), "--port", "0", "--load_fast", "false"])
    return server.launch()


def _wait_for_text(browser: Any, wanted: list[str]) -> str:
    from selenium.webdriver.support.ui import WebDriverWait

    # the page is made of nested shadow trees
    script = """
        const shadow = node => node.shadowRoot ? read(node.shadowRoot) : '';
        const text = node => node.nodeType === 3 ? node.data : shadow(node) + read(node);
        const read = node => [...node.childNodes].map(text).join(' ');
        return read(document.body);
    """
    return WebDriverWait(browser, 60).until(
        lambda driver: (text := driver.execute_script(script)) and all(word in text for word in wanted) and text
    )


@pytest.mark.parametrize(
    ("tab", "wanted"),
    [
        ("scalars", ["generator", "learning_rate", "validation", "validation_quality"]),
        ("images", ["panel", "validation_curves"]),
        ("histograms", ["noise", "sharpness", "poor, restored"]),
        ("pr_curves", ["precision_recall_class 1"]),
        ("text", ["configuration", "order"]),
        ("hparams", ["order"]),
    ],
)
def test_tab_shows_what_the_run_logged(browser: Any, url: str, resize, tab: str, wanted: list[str]) -> None:
    resize(1280, 900)
    # images are their own plugin and also cards of the time series
    browser.get(f"{url}#{tab}")
    browser.refresh()
    _wait_for_text(browser, wanted)
    errors = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []
