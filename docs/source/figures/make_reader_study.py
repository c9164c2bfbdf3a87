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

"""Draw reader_study.png: a screen of a study of phantom radiographs, poor and clean, in Chromium."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from monai_r2c.apps.cli import cli

OUT = Path(__file__).with_name("reader_study.png")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        phantoms, study = f"{folder}/phantoms", f"{folder}/study"
        sizes = ["--size", "320", "--train", "2", "--validation", "2", "--test", "4"]
        cli(["phantom", phantoms, *sizes], standalone_mode=False)
        images = ["--poor", f"{phantoms}/test/poor", "--method", f"clean={phantoms}/test/clean"]
        plan = ["--readers", "1", "--cases", "4", "--repeats", "0", "--catches", "0", "--seed", "1"]
        cli(["study", "make", *images, *plan, "--out", study], standalone_mode=False)
        photograph(Path(study, "page.html").as_uri())


def photograph(url: str) -> None:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("chromium-browser") or ""
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1100,760"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    browser.get(url)
    wait = WebDriverWait(browser, 20)
    wait.until(lambda b: b.find_element("id", "go").is_displayed())
    browser.find_element("id", "go").click()
    wait.until(lambda b: b.find_element("id", "view").text)
    ActionChains(browser).send_keys("1").perform()
    wait.until(lambda b: b.find_element("id", "saved").text == "saved")
    browser.save_screenshot(str(OUT))
    browser.quit()
    with Image.open(OUT) as picture:
        picture.convert("RGB").quantize(128).save(OUT, optimize=True)


if __name__ == "__main__":
    main()
