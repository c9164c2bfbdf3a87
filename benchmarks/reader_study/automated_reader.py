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

"""An automated reader, to try a study's page in a real browser: it answers every screen by keyboard and mouse.

Its answers are random and mean nothing. The browser is killed in the middle and must go on where it was.

    python benchmarks/reader_study/automated_reader.py STUDY/page.html --reader R1 --out FOLDER
    python benchmarks/reader_study/automated_reader.py http://127.0.0.1:8765/r/SECRET --out FOLDER

Needs Chromium, its driver and selenium. Writes answers-R1.json and screenshots.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"


def open_browser(profile: Path, downloads: Path, size: str = "1400,900") -> Any:
    for lock in profile.glob("Singleton*"):  # of a killed browser
        lock.unlink()
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("chromium-browser")
    for flag in (*FLAGS.split(), f"--window-size={size}", f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))


def kill(browser: Any, profile: Path) -> None:
    """End all processes of the browser at once, as a crash or a power cut would."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            mine = f"--user-data-dir={profile}".encode() in (process / "cmdline").read_bytes()
        except OSError:
            continue
        if mine:
            os.kill(int(process.name), signal.SIGKILL)
    browser.service.process.kill()
    time.sleep(1)


class AutomatedReader:
    def __init__(self, url: str, reader: str, folder: Path, seed: int) -> None:
        self.url, self.reader, self.folder = url, reader, folder
        self.random = random.Random(f"{reader}{seed}")
        self.browser: Any = None
        self.pictures = 0

    def open(self) -> None:
        self.browser = open_browser(self.folder / f"profile-{self.reader}", self.folder)
        self.browser.get(self.url)
        self.wait(lambda b: b.find_elements("css selector", "#readers button") or self.shown("plan"))
        if not self.shown("plan"):
            buttons = self.browser.find_elements("css selector", "#readers button")
            next(button for button in buttons if button.text == self.reader).click()
        self.wait(lambda b: self.shown("plan"))

    def wait(self, condition: Any) -> Any:
        return WebDriverWait(self.browser, 30, 0.02).until(condition)

    def shown(self, name: str) -> bool:
        return self.browser.find_element("id", name).is_displayed()

    def keys(self, *keys: str) -> None:
        ActionChains(self.browser).send_keys(*keys).perform()

    def picture(self, name: str) -> None:
        self.pictures += 1
        self.browser.save_screenshot(str(self.folder / f"{self.reader}-{self.pictures:02d}-{name}.png"))

    def where(self) -> str:
        return self.browser.find_element("id", "where").text

    def read(self, stop_after: int | None = None) -> int:
        """Answer screens until the plan comes back; the number of answered screens."""
        self.browser.find_element("id", "go").click()
        done = 0
        while not self.shown("plan"):
            before = self.where()
            self.wait(lambda b: b.execute_script("return document.querySelectorAll('#images canvas').length"))
            self.answer(done)
            done += 1
            if done == stop_after:
                return done
            self.wait(lambda b: self.shown("plan") or self.where() != before)  # noqa: B023
        return done

    def answer(self, number: int) -> None:
        time.sleep(0.05)
        fields = self.browser.find_elements("css selector", ".field")
        images = self.browser.find_elements("css selector", "#images > div")
        by_keyboard = number % 2 == 0
        if number % 7 == 0:
            self.look(images[0])
        if len(fields) == 2 and self.random.random() < 0.5:
            if by_keyboard:
                self.keys("m", Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ARROW_UP, Keys.ENTER, Keys.ESCAPE)
            else:
                ActionChains(self.browser).move_to_element_with_offset(images[0], 40, -30).click().perform()
        if by_keyboard:
            for field in range(len(fields)):
                options = len(self.browser.find_elements("css selector", f".field:nth-child({field + 1}) button"))
                self.keys(str(self.random.randint(1, options)))
        else:
            for field in range(len(fields)):
                options = self.browser.find_elements("css selector", f".field:nth-child({field + 1}) button")
                self.random.choice(options).click()
        if number in (2, 3):
            self.picture(self.where().split("·")[1].strip().split()[0].lower())
        if by_keyboard:
            self.keys(Keys.ENTER)
        else:
            self.browser.find_element("id", "next").click()

    def look(self, image: Any) -> None:
        """Window by drag, zoom, one to one, invert, whole image again."""
        before = self.browser.find_element("id", "view").text
        ActionChains(self.browser).drag_and_drop_by_offset(image, 60, 40).perform()
        assert self.browser.find_element("id", "view").text != before, "dragging changes the window"
        self.keys("o", "+", "i", "[", ".")
        assert "inverted" in self.browser.find_element("id", "view").text
        self.keys("i", "r", "f")

    def save(self) -> Path:
        path = self.folder / f"answers-{self.reader}.json"
        path.unlink(missing_ok=True)
        self.browser.find_element("id", "export").click()
        self.wait(lambda b: path.exists())
        return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", help="page.html or a reader's link")
    parser.add_argument("--reader", default="R1")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kill-after", type=int, default=5, help="screens after which the browser is killed once")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    url = options.page if "://" in options.page else Path(options.page).resolve().as_uri()
    reader = AutomatedReader(url, options.reader, options.out.resolve(), options.seed)
    reader.open()
    reader.picture("start")
    reader.read(stop_after=options.kill_after)
    reached = reader.where()
    kill(reader.browser, reader.folder / f"profile-{options.reader}")
    reader.open()
    plan = reader.browser.find_element("id", "sittings").text
    print(f"{options.reader}: killed just after answering at {reached!r}; opened again:\n{plan}")
    screens = options.kill_after
    while reader.shown("go") and reader.browser.find_element("id", "go").is_enabled():
        screens += reader.read()
    reader.picture("end")
    severe = [entry["message"] for entry in reader.browser.get_log("browser") if entry["level"] == "SEVERE"]
    print(f"{options.reader}: {screens} screens answered, errors of the page: {severe}, answers in {reader.save()}")
    reader.browser.quit()


if __name__ == "__main__":
    main()
