"use strict";
(() => {
  const study = JSON.parse(document.getElementById("study").textContent);
  const at = (id) => document.getElementById(id);
  const viewer = new StudyViewer(at("images"), viewChanged);
  let store = null;
  let reader = null;
  let records = new Map();
  let sitting = null;      // {task, trials}
  let index = 0;           // of the trial
  let marks = null;
  let active = 0;          // field that the digits answer
  let since = null;        // when the screen was last seen to be visible
  let ready = false;       // images are there

  const now = () => new Date().toISOString();
  const task = () => study.tasks[sitting.task];
  const trial = () => sitting.trials[index];
  const sittings = () => study.readers[reader].sittings;
  const finished = (one) => one.trials.filter((item) => records.get(item.id)?.done).length;

  // ---- start

  async function begin() {
    try {
      store = await studyStore.open(study);
    } catch (error) {
      return warn(`This browser cannot keep answers (${error.message}). Use another one.`);
    }
    const names = Object.keys(study.readers);
    at("readers").replaceChildren(...names.map((name) => button(name, () => enter(name))));
    const named = names.length === 1 ? names[0] : decodeURIComponent(location.hash.slice(1));
    if (names.includes(named)) { await enter(named); }
  }

  async function enter(name) {
    try { records = await store.load(name); } catch (error) { return warn(`Your answers cannot be read: ${error.message}`); }
    reader = name;
    overview();
  }

  function overview() {
    at("read").hidden = true;
    at("start").hidden = false;
    at("who").hidden = true;
    at("plan").hidden = false;
    at("reader").textContent = reader;
    at("kept").textContent = store.about;
    const open = nextSitting();
    at("sittings").replaceChildren(...sittings().map((one, number) => {
      const line = document.createElement("li");
      const wait = number === open.number && open.wait ? `, opens on ${open.wait.toLocaleString()}` : "";
      line.textContent = `${study.tasks[one.task].title}: ${finished(one)} of ${one.trials.length} screens${wait}`;
      line.className = number === open.number ? "now" : "";
      return line;
    }));
    at("go").hidden = open.number === null;
    at("go").disabled = Boolean(open.wait);
    at("go").textContent = open.number !== null && finished(sittings()[open.number]) ? "Go on" : "Begin";
    if (open.number === null) { at("kept").textContent = "You have done every screen. Thank you. Save your answers as a file."; }
    at(open.number === null ? "export" : "go").focus();
  }

  // the first sitting that is not done, and from when it may begin
  function nextSitting() {
    const number = sittings().findIndex((one) => finished(one) < one.trials.length);
    if (number < 0) { return { number: null }; }
    const [one, before] = [sittings()[number], sittings()[number - 1]];
    if (before && before.task === "diagnosis" && one.task === "diagnosis" && !finished(one)) {
      const last = Math.max(...before.trials.map((item) => Date.parse(records.get(item.id).at)));
      const opens = new Date(last + study.washout_days * 86400000);
      if (opens > new Date()) { return { number, wait: opens }; }
    }
    return { number };
  }

  // ---- reading

  async function read() {
    const open = nextSitting();
    if (open.number === null || open.wait) { return overview(); }
    sitting = sittings()[open.number];
    const first = sitting.trials.findIndex((item) => !records.get(item.id)?.done);
    at("start").hidden = true;
    at("read").hidden = false;
    await show(first);
  }

  async function show(number) {
    ready = false;
    since = null;
    index = number;
    const record = records.get(trial().id) || { answer: {}, seconds: 0, changes: 0, done: false, shown: now() };
    records.set(trial().id, record);
    marks = task().marks ? (record.answer.marks || []).slice() : null;
    at("unmark").hidden = !task().marks;
    at("where").textContent = `${reader} · ${task().title} · ${number + 1} of ${sitting.trials.length}`;
    at("progress").value = number / sitting.trials.length;
    at("back").disabled = number === 0;
    active = 0;
    fields();
    let images;
    try {
      images = await Promise.all(trial().images.map((name) => studyPixels.load(study, name)));
    } catch (error) {
      warn(`An image cannot be shown: ${error.message}`);
      return setTimeout(() => { if (index === number && !ready) { show(number); } }, 2000);
    }
    if (number !== index) { return undefined; }
    warn("");
    viewer.show(images, marks);
    ready = true;
    since = document.hidden ? null : performance.now();
    const following = sitting.trials[number + 1];
    if (following) { following.images.forEach((name) => studyPixels.load(study, name).catch(() => {})); }
    return undefined;
  }

  function fields() {
    const answer = records.get(trial().id).answer;
    const focused = document.activeElement?.closest(".field")?.dataset.key;
    at("fields").replaceChildren(...task().fields.map((field, number) => {
      const box = document.createElement("div");
      box.className = `field${number === active ? " active" : ""}${task().fields.length === 1 ? " wide" : ""}`;
      box.dataset.key = field.key;
      const options = document.createElement("div");
      options.className = "row";
      options.setAttribute("role", "radiogroup");
      options.setAttribute("aria-label", field.question);
      options.append(...field.options.map(([value, title]) => {
        const option = button(title, () => choose(number, value));
        option.setAttribute("role", "radio");
        option.setAttribute("aria-checked", String(answer[field.key] === value));
        option.dataset.value = value;
        return option;
      }));
      const question = document.createElement("div");
      question.className = "question";
      question.textContent = field.question;
      box.append(question, options);
      if (field.low) {
        const ends = document.createElement("div");
        ends.className = "ends";
        ends.append(...[field.low, field.high].map((text) => Object.assign(document.createElement("span"), { textContent: text })));
        box.append(ends);
      }
      return box;
    }));
    at("next").disabled = task().fields.some((field) => !(field.key in answer));
    if (focused) { at("fields").querySelector(`[data-key="${focused}"] [aria-checked="true"]`)?.focus(); }
  }

  function choose(number, value) {
    if (!ready) { return; }
    const record = records.get(trial().id);
    const { key } = task().fields[number];
    if (record.answer[key] === value) { active = number; return fields(); }
    if (key in record.answer) { record.changes += 1; }
    record.answer[key] = value;
    const open = task().fields.findIndex((field) => !(field.key in record.answer));
    active = open < 0 ? number : open;
    fields();
    keep();
    return undefined;
  }

  function viewChanged(state, what) {
    const level = `window ${Math.round(state.width / 655.36)} %, level ${Math.round(state.center / 655.36)} %`;
    at("view").textContent = `${level}, zoom ${Math.round(state.scale * 100)} %${state.invert ? ", inverted" : ""}`;
    if (what === "marks" && ready) {
      records.get(trial().id).answer.marks = marks.slice();
      keep();
    }
  }

  // ---- keeping

  function clock() {
    if (since !== null && ready) {
      const record = records.get(trial().id);
      record.seconds = Math.round((record.seconds + (performance.now() - since) / 1000) * 1000) / 1000;
      since = performance.now();
    }
  }

  let queue = Promise.resolve();
  let waiting = 0;         // writes that have not ended
  // one after the other and until it succeeds, so that a late write never covers a newer one
  function keep() {
    clock();
    const [name, which] = [trial().id, reader];
    const record = JSON.parse(JSON.stringify({ ...records.get(name), at: now() }));
    records.get(name).at = record.at;
    at("saved").textContent = "saving";
    waiting += 1;
    queue = queue.then(async () => {
      for (;;) {
        try {
          await store.save(which, name, record);
          waiting -= 1;
          warn("");
          at("saved").textContent = "saved";
          return;
        } catch (error) {
          at("saved").textContent = "not saved";
          warn(`Not saved: ${error.message}. Trying again; leave this page open.`);
          await new Promise((resolve) => setTimeout(resolve, 1500));
        }
      }
    });
    return queue;
  }

  async function step(forward) {
    if (!ready) { return; }
    const record = records.get(trial().id);
    if (forward && task().fields.some((field) => !(field.key in record.answer))) { return; }
    if (!forward && index === 0) { return; }
    if (forward) { record.done = true; }
    const kept = keep();
    ready = false;
    since = null;
    await kept;
    if (!forward) { await show(index - 1); } else if (index + 1 < sitting.trials.length) { await show(index + 1); } else { overview(); }
  }

  async function pause() {
    const kept = ready ? keep() : queue;
    ready = false;
    since = null;
    await kept;
    overview();
  }

  function save() {
    const answers = Object.fromEntries([...records].filter(([, record]) => record.at));
    const content = { format: 1, study: study.study, reader, exported: now(), answers };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }));
    link.download = `answers-${reader}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  // ---- keyboard

  const VIEW = {
    "[": () => viewer.window(-2000, 0), "]": () => viewer.window(2000, 0),
    ",": () => viewer.window(0, -1000), ".": () => viewer.window(0, 1000),
    "+": () => viewer.zoom(1.15), "=": () => viewer.zoom(1.15), "-": () => viewer.zoom(1 / 1.15),
    f: () => viewer.fit(), o: () => viewer.oneToOne(), i: () => viewer.invert(), r: () => viewer.reset(),
    m: () => viewer.toggleCursor(true), Delete: () => viewer.unmark(),
  };
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  function onKey(event) {
    if (at("read").hidden || at("dialog").open || event.ctrlKey || event.altKey || event.metaKey) { return; }
    if (event.key === "?") { event.preventDefault(); at("dialog").showModal(); return; }
    if (event.key === "p") { pause(); return; }
    // a button that was reached by Tab keeps its own Enter
    if (event.key === "Enter" && event.target.closest("header button, #back, #unmark")) { return; }
    if (!ready || !handled(event)) { return; }
    event.preventDefault();
  }

  function handled(event) {
    const arrow = ARROWS[event.key];
    if (viewer.cursor) {
      if (arrow) { viewer.moveCursor(...arrow); return true; }
      if (event.key === "Enter") { viewer.mark(viewer.cursor.x, viewer.cursor.y); return true; }
      if (event.key === "Escape") { viewer.toggleCursor(false); return true; }
    }
    if (arrow && event.shiftKey) { viewer.pan(-40 * arrow[0], -40 * arrow[1]); return true; }
    if (arrow && arrow[1]) {
      active = (active + arrow[1] + task().fields.length) % task().fields.length;
      fields();
      return true;
    }
    if (arrow && trial().images.length === 2) { choose(0, arrow[0] < 0 ? "left" : "right"); return true; }
    if (/^[1-9]$/.test(event.key)) {
      const option = task().fields[active].options[Number(event.key) - 1];
      if (option) { choose(active, option[0]); }
      return Boolean(option);
    }
    if (event.key === "Enter") { step(true); return true; }
    if (event.key === "Backspace") { step(false); return true; }
    if (VIEW[event.key]) { VIEW[event.key](); return true; }
    return false;
  }

  // ---- small things

  function button(title, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = title;
    made.addEventListener("click", act);
    return made;
  }

  function warn(text) {
    at("alert").textContent = text;
    at("alert").hidden = !text;
  }

  document.addEventListener("keydown", onKey);
  document.addEventListener("visibilitychange", () => {
    clock();
    since = document.hidden || !ready ? null : performance.now();
  });
  at("go").addEventListener("click", read);
  at("export").addEventListener("click", save);
  at("keys").addEventListener("click", () => at("dialog").showModal());
  at("help").addEventListener("click", () => at("dialog").showModal());
  at("pause").addEventListener("click", pause);
  at("next").addEventListener("click", () => step(true));
  at("back").addEventListener("click", () => step(false));
  at("unmark").addEventListener("click", () => viewer.unmark());
  // after a click of the mouse (detail counts them), Enter means the next screen again
  for (const id of ["back", "unmark", "help"]) {
    at(id).addEventListener("click", (event) => { if (event.detail) { event.currentTarget.blur(); } });
  }
  window.addEventListener("beforeunload", (event) => { if (waiting) { event.preventDefault(); } });
  begin();
})();
