"use strict";
// One or two images side by side that share window, level, zoom and place; pixels stay 16 bit up to the display.
class StudyViewer {
  constructor(holder, changed) {
    this.holder = holder;
    this.changed = changed;
    this.elements = [];
    this.marks = null;
    this.cursor = null;
    this.state = null;
    new ResizeObserver(() => this.resize()).observe(holder);
  }

  show(images, marks) {
    this.marks = marks;
    this.cursor = null;
    this.images = images;
    if (this.elements.length !== images.length) {
      this.elements.forEach((element) => cornerstone.disable(element));
      this.holder.replaceChildren(...images.map(() => document.createElement("div")));
      this.elements = [...this.holder.children];
      this.elements.forEach((element, index) => this.prepare(element, index));
    }
    images.forEach((image, index) => {
      const range = { minPixelValue: 0, maxPixelValue: 65535, slope: 1, intercept: 0 };
      const size = { rows: image.rows, columns: image.columns, height: image.rows, width: image.columns };
      const shown = {
        imageId: `study:${performance.now()}:${index}`, getPixelData: () => image.pixels, color: false, invert: false,
        windowCenter: 32768, windowWidth: 65536, columnPixelSpacing: 1, rowPixelSpacing: 1,
        sizeInBytes: image.pixels.byteLength, ...range, ...size,
      };
      cornerstone.displayImage(this.elements[index], shown);
    });
    this.reset();
  }

  prepare(element, index) {
    element.setAttribute("role", "img");
    element.setAttribute("aria-label", this.images.length > 1 ? ["Left image", "Right image"][index] : "Image");
    cornerstone.enable(element);
    element.addEventListener("cornerstoneimagerendered", () => this.draw(element));
    element.addEventListener("contextmenu", (event) => event.preventDefault());
    element.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15);
    }, { passive: false });
    element.addEventListener("pointerdown", (event) => this.drag(element, event));
  }

  drag(element, start) {
    element.setPointerCapture(start.pointerId);
    let [x, y, moved] = [start.clientX, start.clientY, 0];
    const pan = start.shiftKey || start.button !== 0;
    const move = (event) => {
      const [across, down] = [event.clientX - x, event.clientY - y];
      [x, y] = [event.clientX, event.clientY];
      moved += Math.abs(across) + Math.abs(down);
      if (moved < 4) { return; }
      if (pan) { this.pan(across, down); } else { this.window(across * 100, -down * 100); }
    };
    const end = (event) => {
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", end);
      element.removeEventListener("pointercancel", end);
      if (moved < 4 && !pan && event.type === "pointerup") {
        const place = cornerstone.pageToPixel(element, event.pageX, event.pageY);
        this.mark(place.x, place.y);
      }
    };
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", end);
    element.addEventListener("pointercancel", end);
  }

  apply() {
    const { width, center, scale, x, y, invert } = this.state;
    for (const element of this.elements) {
      const viewport = cornerstone.getViewport(element);
      Object.assign(viewport, { scale, invert, translation: { x, y }, voi: { windowWidth: width, windowCenter: center } });
      cornerstone.setViewport(element, viewport);
    }
    this.changed(this.state, "view");
  }

  fitScale() {
    const box = this.elements[0].getBoundingClientRect();
    return Math.min(box.width / this.images[0].columns, box.height / this.images[0].rows);
  }

  reset() {
    this.state = { width: 65536, center: 32768, invert: false, x: 0, y: 0, scale: this.fitScale(), fits: true };
    this.apply();
  }

  set(values) { Object.assign(this.state, values); this.apply(); }
  fit() { this.set({ scale: this.fitScale(), x: 0, y: 0, fits: true }); }
  oneToOne() { this.set({ scale: 1, fits: false }); }
  invert() { this.set({ invert: !this.state.invert }); }
  pan(across, down) {
    this.set({ x: this.state.x + across / this.state.scale, y: this.state.y + down / this.state.scale, fits: false });
  }
  zoom(factor) { this.set({ scale: Math.min(32, Math.max(0.02, this.state.scale * factor)), fits: false }); }
  window(wider, higher) {
    const width = Math.min(131072, Math.max(64, this.state.width + wider));
    this.set({ width, center: Math.min(65535, Math.max(0, this.state.center + higher)) });
  }

  mark(x, y) {
    const { columns, rows } = this.images[0];
    if (!this.marks || x < 0 || y < 0 || x >= columns || y >= rows) { return; }
    this.marks.push([Math.round(x * 10) / 10, Math.round(y * 10) / 10]);
    this.redraw();
    this.changed(this.state, "marks");
  }

  unmark() {
    if (!this.marks || !this.marks.length) { return; }
    this.marks.pop();
    this.redraw();
    this.changed(this.state, "marks");
  }

  toggleCursor(on) {
    this.cursor = on && this.marks ? { x: this.images[0].columns / 2, y: this.images[0].rows / 2 } : null;
    this.redraw();
  }

  moveCursor(across, down) {
    const { columns, rows } = this.images[0];
    this.cursor.x = Math.min(columns - 1, Math.max(0, this.cursor.x + across * columns / 64));
    this.cursor.y = Math.min(rows - 1, Math.max(0, this.cursor.y + down * rows / 64));
    this.redraw();
  }

  redraw() { this.elements.forEach((element) => cornerstone.updateImage(element)); }

  resize() {
    if (!this.elements.length || !this.state || !this.holder.clientWidth) { return; }
    this.elements.forEach((element) => cornerstone.resize(element, false));
    if (this.state.fits) { this.state.scale = this.fitScale(); }
    this.apply();
  }

  draw(element) {
    const context = element.querySelector("canvas").getContext("2d");
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    const ring = (place, colour, size) => {
      const at = cornerstone.pixelToCanvas(element, { x: place[0], y: place[1] });
      context.strokeStyle = colour;
      context.lineWidth = 2;
      context.beginPath();
      context.arc(at.x, at.y, size, 0, 7);
      context.moveTo(at.x - size - 5, at.y);
      context.lineTo(at.x - size + 4, at.y);
      context.moveTo(at.x + size - 4, at.y);
      context.lineTo(at.x + size + 5, at.y);
      context.stroke();
    };
    (this.marks || []).forEach((place) => ring(place, "#ffb454", 10));
    if (this.cursor) { ring([this.cursor.x, this.cursor.y], "#6cb2f2", 14); }
    context.restore();
  }
}
