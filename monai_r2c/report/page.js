"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  const cases = [...document.querySelectorAll(".case")];
  const picks = [...document.querySelectorAll(".picker button")];

  function showCase(index) {
    const wanted = (index + cases.length) % cases.length;
    cases.forEach((item, number) => { item.hidden = number !== wanted; });
    picks.forEach((pick, number) => pick.setAttribute("aria-current", String(number === wanted)));
    picks[wanted].scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  cases.forEach((item, index) => {
    const stage = item.querySelector(".stage");
    const slider = item.querySelector("input[type=range]");
    const buttons = [...item.querySelectorAll(".strip button")];
    const poor = buttons.find((button) => button.dataset.view === "poor").querySelector("img");
    const over = stage.querySelector(".over");
    stage.querySelector(".under").src = poor.src;

    const cut = () => stage.style.setProperty("--cut", `${slider.value}%`);
    const select = (button) => {
      buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      over.src = button.querySelector("img").src;
      over.alt = button.querySelector("img").alt;
      stage.querySelector(".right").textContent = button.dataset.name;
    };
    slider.addEventListener("input", cut);
    const drag = (event) => {
      const box = stage.getBoundingClientRect();
      slider.value = String(Math.round(100 * Math.min(1, Math.max(0, (event.clientX - box.left) / box.width))));
      cut();
    };
    stage.addEventListener("pointerdown", (event) => { stage.setPointerCapture(event.pointerId); drag(event); });
    stage.addEventListener("pointermove", (event) => { if (event.buttons) { drag(event); } });
    buttons.forEach((button) => button.addEventListener("click", () => select(button)));
    item.querySelector(".swap").addEventListener("click", () => {
      slider.value = Number(slider.value) > 50 ? "0" : "100";
      cut();
    });
    item.querySelector(".previous").addEventListener("click", () => showCase(index - 1));
    item.querySelector(".next").addEventListener("click", () => showCase(index + 1));
    select(buttons.find((button) => button.dataset.view === "pass_1"));
    cut();
  });
  picks.forEach((pick, index) => pick.addEventListener("click", () => showCase(index)));
  if (cases.length) { showCase(0); window.scrollTo(0, 0); }
})();
