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
from example_run import write_example_run

from monai_r2c.report import write_report


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    run: Path = write_example_run(tmp_path_factory.mktemp("runs") / "example")
    return write_report(run)[0].resolve().as_uri()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Page of a run whose images are larger than the page shows them."""
    return write_report(write_example_run(tmp_path_factory.mktemp("runs") / "large", size=(600, 500)))[0].resolve()


def _find(browser: Any, selector: str) -> list[Any]:
    return browser.find_elements("css selector", selector)


def _shown_case(browser: Any) -> str:
    (case,) = [case for case in _find(browser, ".case") if case.is_displayed()]
    return case.get_attribute("id")


def test_page_shows_warning_scores_curves_and_settings_without_a_console_error(browser: Any, url: str, resize) -> None:
    resize(1280, 900)
    browser.get(url)
    assert [heading.text for heading in _find(browser, "h2")] == [
        "Cases",
        "Scores",
        "Training",
        "Data",
        "Configuration",
    ]
    assert "label and source are the same thing" in _find(browser, ".warning")[0].text
    assert "0.800 [0.500, 0.950]" in _find(browser, "#scores table")[0].text
    assert "does not show that a disease is detected" in _find(browser, "#scores .notice")[0].text
    assert len(_find(browser, "#curves svg polyline")) == 3
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert [name for name in loaded if not name.startswith("data:")] == []
    assert browser.execute_script("return [...document.images].every(image => image.naturalWidth > 0)")
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_clicking_leads_through_the_cases_and_the_passes(browser: Any, url: str, resize) -> None:
    resize(1280, 900)
    browser.get(url)
    cases = len(_find(browser, ".case"))
    assert cases >= 3
    seen = [_shown_case(browser)]
    for _ in range(cases - 1):
        next(button for button in _find(browser, ".next") if button.is_displayed()).click()
        seen.append(_shown_case(browser))
    assert seen == [f"case-{number}" for number in range(1, cases + 1)]
    _find(browser, ".picker button")[1].click()
    assert _shown_case(browser) == "case-2"
    view = _find(browser, "#case-2 .strip button[data-view=pass_3]")[0]
    view.click()
    assert view.get_attribute("aria-pressed") == "true"
    assert _find(browser, "#case-2 .stage .right")[0].text == "Restored, pass 3"
    sources = [
        _find(browser, f"#case-2 {image}")[0].get_attribute("src") for image in (".over", "[data-view=pass_3] img")
    ]
    assert sources[0] == sources[1]


def test_slider_moves_with_the_keyboard_and_the_pointer(browser: Any, url: str, resize) -> None:
    from selenium.webdriver import ActionChains, Keys

    resize(1280, 900)
    browser.get(url)
    slider, stage = _find(browser, "#case-1 input")[0], _find(browser, "#case-1 .stage")[0]
    slider.send_keys(Keys.ARROW_LEFT * 20)
    assert "--cut: 30%" in stage.get_attribute("style")
    ActionChains(browser).move_to_element(stage).click_and_hold().move_by_offset(0, 0).release().perform()
    assert abs(float(slider.get_attribute("value")) - 50) <= 1
    swap = _find(browser, "#case-1 .swap")[0]
    swap.send_keys(Keys.ENTER)
    assert slider.get_attribute("value") in ("0", "100")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_a_phone_in_light_and_dark(browser: Any, url: str, resize, scheme: str) -> None:
    resize(390, 844, scheme)
    browser.get(url)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, paper[4:-1].split(","))) < 150) == (scheme == "dark")
    _find(browser, "#theme")[0].click()
    assert browser.execute_script("return getComputedStyle(document.body).backgroundColor") != paper


def _place(browser: Any) -> tuple[float, float]:
    position = _find(browser, "#case-1 .pane.after")[0].value_of_css_property("background-position")
    across, down = position.replace("px", "").split()
    return float(across), float(down)


def test_magnifier_shows_the_image_s_own_pixels_and_follows_pointer_and_keys(browser: Any, large: Path, resize) -> None:
    from selenium.webdriver import ActionChains, Keys

    resize(1280, 1400)
    browser.get(large.as_uri())
    lens, button = _find(browser, "#case-1 .lens")[0], _find(browser, "#case-1 .magnify")[0]
    assert not lens.is_displayed()
    button.send_keys(Keys.ENTER)
    assert lens.is_displayed()
    assert button.get_attribute("aria-expanded") == "true"
    for pane, view in zip(_find(browser, "#case-1 .pane"), ("poor", "pass_1")):
        assert pane.value_of_css_property("background-size") == "500px 600px"
        assert f"cases/case_01_{view}_full.png" in pane.value_of_css_property("background-image")
    stage = _find(browser, "#case-1 .stage")[0]
    ActionChains(browser).move_to_element(stage).perform()
    across, down = _place(browser)
    pane = _find(browser, "#case-1 .pane.after")[0].size
    assert (across, down) == pytest.approx((pane["width"] / 2 - 250, pane["height"] / 2 - 300), abs=2)
    ActionChains(browser).move_to_element_with_offset(stage, -100, -100).perform()
    assert _place(browser)[0] > across
    before = _place(browser)
    lens.send_keys(Keys.ARROW_RIGHT)
    assert _place(browser) == (before[0] - 20, before[1])
    lens.send_keys(Keys.SHIFT + Keys.ARROW_DOWN)
    assert _place(browser) == (before[0] - 20, max(before[1] - 200, pane["height"] - 600))
    assert "of 600 \u00d7 500 pixels" in _find(browser, "#case-1 .place")[0].text
    _find(browser, "#case-1 .strip button[data-view=difference]")[0].click()
    assert _find(browser, "#case-1 .pane.after")[0].get_attribute("aria-label") == "What changed, magnified"
    lens.send_keys(Keys.ESCAPE)
    assert not lens.is_displayed()
    assert browser.switch_to.active_element == button
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_magnifier_says_when_the_pictures_were_left_behind(browser: Any, large: Path, tmp_path: Path, resize) -> None:
    resize(1280, 900)
    (tmp_path / "report.html").write_text(large.read_text(encoding="utf-8"), encoding="utf-8")
    browser.get((tmp_path / "report.html").as_uri())
    _find(browser, "#case-1 .magnify")[0].click()
    for _ in range(50):
        said = _find(browser, "#case-1 .place")[0].text
        if "not beside this page" in said:
            break
        browser.implicitly_wait(0.1)
    assert "not beside this page (cases/case_01_poor_full.png)" in said
    browser.get_log("browser")
