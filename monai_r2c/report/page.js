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

    const lens = item.querySelector(".lens");
    const magnify = item.querySelector(".magnify");
    const panes = [...lens.querySelectorAll(".pane")];
    const spot = stage.appendChild(document.createElement("div"));
    spot.className = "spot";
    spot.hidden = true;
    let chosen = null;
    let middle = [0.5, 0.5];

    const magnified = () => {
      if (lens.hidden) { return; }
      // one pixel of the image on one of the screen; what is kept reduced alone is stretched to the same place
      const length = [Number(lens.dataset.columns) || poor.naturalWidth, Number(lens.dataset.rows) || poor.naturalHeight];
      const shown = length.map((pixels) => pixels / (window.devicePixelRatio || 1));
      const box = [panes[0].clientWidth, panes[0].clientHeight];
      const start = shown.map((all, axis) => Math.round(Math.min(Math.max(middle[axis] * all - box[axis] / 2, 0), Math.max(all - box[axis], 0))));
      middle = start.map((from, axis) => Math.min((from + Math.min(box[axis], shown[axis]) / 2) / shown[axis], 1));
      const buttonsOf = [buttons.find((button) => button.dataset.view === "poor"), chosen];
      panes.forEach((pane, number) => {
        const button = buttonsOf[number];
        pane.style.backgroundImage = `url("${button.dataset.full || button.querySelector("img").src}")`;
        pane.style.backgroundSize = `${shown[0]}px ${shown[1]}px`;
        pane.style.backgroundPosition = `${-start[0]}px ${-start[1]}px`;
        pane.setAttribute("aria-label", `${button.dataset.name}, magnified`);
        pane.nextElementSibling.textContent = button.dataset.name;
      });
      const part = box.map((side, axis) => Math.min(side / shown[axis], 1));
      Object.assign(spot.style, {
        left: `${(100 * start[0]) / shown[0]}%`, top: `${(100 * start[1]) / shown[1]}%`,
        width: `${100 * part[0]}%`, height: `${100 * part[1]}%`,
      });
      const [column, row] = middle.map((share, axis) => Math.round(share * length[axis]));
      lens.querySelector(".place").textContent = `Around row ${row}, column ${column} of ${length[1]} × ${length[0]} pixels.`;
    };
    const open = (wanted) => {
      lens.hidden = spot.hidden = !wanted;
      magnify.setAttribute("aria-expanded", String(wanted));
      const full = poor.closest("button").dataset.full;
      if (!wanted) { return; }
      magnified();
      if (full) {
        const probe = new Image();
        probe.onerror = () => { lens.querySelector(".place").textContent = `The pictures in full size are not beside this page (${full}).`; };
        probe.src = full;
      }
    };
    magnify.addEventListener("click", () => open(lens.hidden));
    lens.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (event.key === "Escape") { open(false); magnify.focus(); }
      if (!way) { return; }
      event.preventDefault();
      const step = event.shiftKey ? 200 : 20;
      const length = [Number(lens.dataset.columns) || poor.naturalWidth, Number(lens.dataset.rows) || poor.naturalHeight];
      middle = middle.map((share, axis) => Math.min(Math.max(share + (way[axis] * step) / length[axis], 0), 1));
      magnified();
    });
    stage.addEventListener("pointermove", (event) => {
      const frame = stage.getBoundingClientRect();
      middle = [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
      magnified();
    });
    window.addEventListener("resize", magnified);

    const cut = () => stage.style.setProperty("--cut", `${slider.value}%`);
    const select = (button) => {
      buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      over.src = button.querySelector("img").src;
      over.alt = button.querySelector("img").alt;
      stage.querySelector(".right").textContent = button.dataset.name;
      chosen = button;
      magnified();
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
