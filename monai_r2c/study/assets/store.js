"use strict";
// Where answers are kept: in this browser, on the disk before a click counts as saved, or on the study's server.
const studyStore = (() => {
  function done(request) {
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  }

  async function inBrowser(study) {
    const opening = indexedDB.open(`reader-study-${study.study}`, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("answers", { keyPath: ["reader", "trial"] });
    const database = await done(opening);
    const answers = (mode) => database.transaction("answers", mode, { durability: "strict" });
    return {
      about: "Answers are kept in this browser at every click. Save them as a file at the end of each sitting.",
      async load(reader) {
        const rows = await done(answers("readonly").objectStore("answers").getAll());
        return new Map(rows.filter((row) => row.reader === reader).map((row) => [row.trial, row.record]));
      },
      save(reader, trial, record) {
        const transaction = answers("readwrite");
        transaction.objectStore("answers").put({ reader, trial, record });
        return new Promise((resolve, reject) => {
          transaction.oncomplete = resolve;
          transaction.onabort = () => reject(transaction.error);
        });
      },
    };
  }

  async function onServer(study) {
    const ask = async (path, options) => {
      const response = await fetch(`${study.base}/${path}`, options);
      if (!response.ok) {
        const told = await response.json().catch(() => ({}));
        throw new Error(told.detail || `the server answered ${response.status}`);
      }
      return response.json();
    };
    return {
      about: "Answers are kept on the study's server at every click. Keep your link to yourself.",
      async load() { return new Map(Object.entries((await ask("answers")).answers)); },
      save(reader, trial, record) {
        const headers = { "Content-Type": "application/json" };
        return ask(`answers/${trial}`, { method: "PUT", headers, body: JSON.stringify(record) });
      },
    };
  }

  return { open: (study) => (study.mode === "server" ? onServer(study) : inBrowser(study)) };
})();
