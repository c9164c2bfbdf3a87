"use strict";
// Images as the study packs them: rows, columns and length (uint32), zlib of the differences from the left neighbour.
const studyPixels = (() => {
  async function packed(study, name) {
    if (study.mode === "server") {
      const response = await fetch(`${study.base}/images/${name}`);
      if (!response.ok) { throw new Error(`the server answered ${response.status} for an image`); }
      return new Uint8Array(await response.arrayBuffer());
    }
    const text = atob(document.getElementById(`image-${name}`).textContent);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i += 1) { bytes[i] = text.charCodeAt(i); }
    return bytes;
  }

  async function decode(bytes) {
    const head = new DataView(bytes.buffer, bytes.byteOffset, 12);
    const [rows, columns, length] = [0, 4, 8].map((at) => head.getUint32(at, true));
    const stream = new Blob([bytes.subarray(12, 12 + length)]).stream().pipeThrough(new DecompressionStream("deflate"));
    const planes = new Uint8Array(await new Response(stream).arrayBuffer());
    const pixels = new Uint16Array(rows * columns);
    for (let row = 0, at = 0; row < rows; row += 1) {
      let value = 0;
      for (let column = 0; column < columns; column += 1, at += 1) {
        value = (value + planes[at] + (planes[pixels.length + at] << 8)) & 65535;
        pixels[at] = value;
      }
    }
    return { rows, columns, pixels };
  }

  const kept = new Map();
  // the images of this screen and of the next one are kept
  function load(study, name) {
    if (!kept.has(name)) {
      kept.set(name, packed(study, name).then(decode));
      kept.get(name).catch(() => kept.delete(name));
      for (const old of kept.keys()) { if (kept.size > 4) { kept.delete(old); } }
    }
    return kept.get(name);
  }
  return { load };
})();
