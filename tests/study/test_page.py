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
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_r2c.study.pixels import unpack

FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, downloads: Path) -> Iterator[Any]:
    """Headless Chromium; a test that needs it is skipped where Chromium or its driver is absent."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no chromium and chromedriver on the path")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS.split(), "--window-size=1300,850", f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=Service(driver))
    yield opened
    opened.quit()


class Page:
    """What a reader sees and does."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    def wait(self, condition: Any) -> Any:
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.browser, 20, 0.02).until(lambda _: condition())

    def text(self, name: str) -> str:
        return self.browser.find_element("id", name).text

    def shown(self, name: str) -> bool:
        return self.browser.find_element("id", name).is_displayed()

    def click(self, selector: str) -> None:
        self.browser.find_element("css selector", selector).click()

    def keys(self, *keys: str) -> None:
        from selenium.webdriver import ActionChains

        ActionChains(self.browser).send_keys(*keys).perform()

    def begin(self, reader: str = "") -> None:
        if reader:
            buttons = self.wait(lambda: self.browser.find_elements("css selector", "#readers button"))
            next(button for button in buttons if button.text == reader).click()
        self.wait(lambda: self.shown("plan"))
        self.click("#go")
        self.wait(lambda: self.shown("images") and self.text("view"))

    def chosen(self) -> list[str]:
        return [b.text for b in self.browser.find_elements("css selector", '[aria-checked="true"]')]

    def errors(self) -> list[str]:
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture
def page(browser: Any) -> Page:
    return Page(browser)


def test_reader_answers_by_keyboard_and_mouse_closes_the_tab_and_goes_on(
    page: Page, study: Path, key: dict, downloads: Path
) -> None:
    from selenium.webdriver import ActionChains, Keys

    page.browser.get((study / "page.html").resolve().as_uri())
    page.begin("R1")
    assert "1 of 10" in page.text("where")
    page.keys("2", "4")
    assert page.chosen() == [sorted(key["classes"])[1], "4"]
    image = page.browser.find_element("css selector", "#images > div")
    ActionChains(page.browser).move_to_element_with_offset(image, 12, 8).click().perform()
    page.keys("m", Keys.ARROW_LEFT, Keys.ENTER, Keys.ESCAPE, Keys.ENTER)
    page.wait(lambda: "2 of 10" in page.text("where"))
    page.click(".field:nth-child(1) button:nth-child(1)")
    page.wait(lambda: page.text("saved") == "saved")

    page.browser.switch_to.new_window("tab")
    page.browser.switch_to.window(page.browser.window_handles[0])
    page.browser.close()
    page.browser.switch_to.window(page.browser.window_handles[0])
    page.browser.get((study / "page.html").resolve().as_uri())
    page.begin("R1")
    assert "2 of 10" in page.text("where")
    assert page.chosen() == [sorted(key["classes"])[0]]
    page.browser.find_element("id", "back").send_keys(Keys.ENTER)
    page.wait(lambda: "1 of 10" in page.text("where"))
    page.keys(Keys.ENTER)
    page.wait(lambda: "2 of 10" in page.text("where"))
    page.keys(Keys.BACKSPACE)
    page.wait(lambda: "1 of 10" in page.text("where"))
    assert page.chosen() == [sorted(key["classes"])[1], "4"]
    page.keys("p")
    page.wait(lambda: page.shown("plan"))
    assert "1 of 10 screens" in page.text("sittings")
    page.click("#export")
    file = downloads / "answers-R1.json"
    page.wait(file.exists)
    content = json.loads(file.read_text())
    assert (content["study"], content["reader"]) == (key["study"], "R1")
    own = [trial for trial, meaning in key["trials"].items() if meaning["reader"] == "R1"][:2]
    first, second = (content["answers"][trial] for trial in own)
    assert (first["done"], second["done"]) == (True, False)
    assert first["answer"]["confidence"] == 4
    assert len(first["answer"]["marks"]) == 2
    rows, columns = 24, 20
    assert first["answer"]["marks"][1] == [pytest.approx(columns / 2 - columns / 64, abs=0.1), rows / 2]
    assert 0 < first["seconds"] < 30
    assert page.errors() == []


def test_display_is_windowed_from_sixteen_bits(page: Page, study: Path, key: dict) -> None:
    """With a window narrower than one step of eight bits, neighbours that eight bits could not tell apart differ."""
    from selenium.webdriver import ActionChains

    page.browser.get((study / "page.html").resolve().as_uri())
    page.begin("R2")
    trial = next(t for t, m in key["trials"].items() if m["reader"] == "R2")
    meaning = key["trials"][trial]
    name = key["cases"][meaning["case"]]["images"][meaning["shown"][0]]
    pixels = unpack((study / "images" / f"{name}.bin").read_bytes())
    page.keys("o", *"]" * 3, *"[" * 40)
    assert "window 0 %" in page.text("view")
    drawn = page.browser.execute_script(
        "const c = document.querySelector('#images canvas'), [w, h] = [c.width, c.height];"
        "const x = Math.round((w - 20) / 2), y = Math.round((h - 24) / 2);"
        "return [...c.getContext('2d').getImageData(x, y, 20, 24).data].filter((_, i) => i % 4 === 0)"
    )
    shown = np.array(drawn).reshape(24, 20)
    clear = np.abs(pixels.astype(int) - 32768) > 64
    assert np.array_equal(shown[clear] > 127, (pixels > 32768)[clear])
    page.keys("r", "i")
    assert "inverted" in page.text("view")
    before = page.text("view")
    image = page.browser.find_element("css selector", "#images > div")
    ActionChains(page.browser).drag_and_drop_by_offset(image, 50, 20).perform()
    assert page.text("view") != before
    assert page.errors() == []


def test_two_readers_at_once_and_a_server_that_goes_away(page: Page, study: Path, key: dict, tmp_path: Path) -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    from selenium.webdriver import Keys
    from serving import serving

    from monai_r2c.study.server import make_app
    from monai_r2c.study.storage import AnswerStore

    links = {"R1": "secret-of-1", "R2": "secret-of-2"}
    store = AnswerStore(tmp_path / "answers.sqlite", key["study"])
    page.browser.switch_to.new_window("tab")
    tabs = [page.browser.current_window_handle]
    page.browser.switch_to.new_window("tab")
    tabs.append(page.browser.current_window_handle)
    with serving(make_app(study, links, store, ["127.0.0.1"])) as port:
        for tab, secret in zip(tabs, links.values()):
            page.browser.switch_to.window(tab)
            page.browser.get(f"http://127.0.0.1:{port}/r/{secret}")
            page.begin()
        for screen in range(2):
            for number, tab in enumerate(tabs):
                page.browser.switch_to.window(tab)
                page.keys(str(1 + number), str(2 + screen), Keys.ENTER)
                page.wait(lambda: f"{screen + 2} of 10" in page.text("where"))  # noqa: B023
        for reader, wanted in (("R1", sorted(key["classes"])[0]), ("R2", sorted(key["classes"])[1])):
            answers = [one["answer"] for one in store.get(reader).values()]
            assert sorted(a["confidence"] for a in answers) == [2, 3]
            assert {a["class"] for a in answers} == {wanted}
    assert page.errors() == []
    page.keys("1", "1", Keys.ENTER)
    page.wait(lambda: "Not saved" in page.text("alert"))
    assert "3 of 10" in page.text("where")
    with serving(make_app(study, links, store, ["127.0.0.1"]), port):
        page.wait(lambda: "4 of 10" in page.text("where"))
        assert len(store.get("R2")) == 3


def test_next_diagnosis_sitting_waits_for_the_washout(page: Page, study: Path, key: dict, tmp_path: Path) -> None:
    """The first sitting is put in as done just now; the study says that 28 days must pass."""
    text = (study / "page.html").read_text().replace('"washout_days": 0', '"washout_days": 28', 1)
    name = json.dumps(f"other-{key['study']}")
    text = text.replace(f'"study": "{key["study"]}"', f'"study": {name}', 1)
    (tmp_path / "page.html").write_text(text)
    page.browser.get((tmp_path / "page.html").as_uri())
    first = [t for t, m in key["trials"].items() if m["reader"] == "R1" and m["sitting"] == 0]
    page.wait(lambda: page.browser.find_elements("css selector", "#readers button"))
    page.browser.execute_async_script(
        "const [name, trials, done] = arguments;"
        "const opening = indexedDB.open(`reader-study-${name}`, 1);"
        "opening.onsuccess = () => { const t = opening.result.transaction('answers', 'readwrite');"
        "trials.forEach((trial) => t.objectStore('answers').put({ reader: 'R1', trial, record:"
        "{ answer: {}, done: true, seconds: 1, changes: 0, at: new Date().toISOString() } })); t.oncomplete = done; }",
        f"other-{key['study']}",
        first,
    )
    page.browser.find_element("css selector", "#readers button").click()
    page.wait(lambda: page.shown("plan"))
    assert "opens on" in page.text("sittings")
    assert not page.browser.find_element("id", "go").is_enabled()
