// SPDX-License-Identifier: BSD-3-Clause
// What the page remembers of a view. All displays of the view share it.

export const MOST_POINTS = 6000; // ten minutes at 10 Hz, as the kernel remembers
const SPARE = 600; // points dropped at once

export class Store {
  /** hasOutputs: whether the page shows the view in outputs of ours */
  constructor(model, hasOutputs) {
    this.model = model;
    this.hasOutputs = hasOutputs;
    this.page = Math.random().toString(36).slice(2);
    this.asked = 0; // messages: the kernel may handle them in another order
    this.listeners = new Set();
    this.displays = new Map(); // those there are, and whether they are in sight
    this.ui = {}; // what the person chose here; it outlives a display
    this.next = null; // number of the next point
    this.numbers = null; // the latest that a dashboard shows beside lines
    this.means = null; // the latest of the lines
    this.rows = null; // the latest texts of a panel's rows
    this.isLive = false; // whether the kernel has answered: of a view that was saved it never does
    this.clear();
    model.on("msg:custom", (content, buffers) => this.receive(content, buffers));
    model.on("change:lines", () => {
      if (this.lines.version !== this.version) this.clear();
      this.notify();
    });
    model.on("change:running", () => {
      this.ui.isStopped = undefined; // the kernel has followed, or decided by itself
    });
    model.on("change:marks", () => {
      this.ui.mark = null;
    });
    for (const name of ["marks", "running", "status", "faults", "names", "parts"]) {
      model.on(`change:${name}`, () => this.notify());
    }
    // ipywidgets tells this of a kernel that is restarted: what it was asked is asked in vain.
    model.on("comm_live_update", () => this.listeners.forEach((listener) => listener({ type: "gone" })));
    this.ask("ready");
  }

  get lines() {
    const lines = this.model.get("lines");
    return lines.items ? lines : { version: 0, items: [] };
  }

  get count() {
    return this.columns[0].length;
  }

  /** The mean of a line over the last second, the last point until one has come; a level is as it is now. */
  mean(line) {
    return this.means?.version === this.version ? this.means.values[line] : this.columns[line + 1]?.[this.count - 1];
  }

  /** Over how long. */
  get meansTold() {
    return this.means?.version === this.version ? `means of the last ${this.means.seconds.toFixed(1)} s` : "";
  }

  /** Tells the kernel; the number of the message. */
  ask(type, more = {}) {
    try {
      this.model.send({ type, page: this.page, number: ++this.asked, hasOutputs: this.hasOutputs, ...more });
      return this.asked;
    } catch {
      return null; // The kernel was restarted: what was drawn stays, and nobody is left to ask.
    }
  }

  /** The kernel sends less to a page on which no display is in sight, and nothing without any. */
  tellSight() {
    const sights = [...this.displays.values()];
    const sight = sights.length === 0 ? "removed" : sights.includes(true) ? "shown" : "hidden";
    if (sight === this.sight) return;
    this.sight = sight;
    this.ask(sight);
  }

  notify() {
    for (const listener of this.listeners) listener();
  }

  clear() {
    this.version = this.lines.version;
    this.columns = [[], ...this.lines.items.map(() => [])];
    this.next = null;
  }

  receive(content, buffers) {
    this.isLive = true;
    if (content.type !== "points" && content.type !== "seed") {
      for (const listener of this.listeners) listener(content);
      return;
    }
    if (content.means && !this.ui.isStopped) this.means = { version: content.version, values: content.means, seconds: content.seconds };
    if (content.rows) this.rows = content; // texts of a panel's rows; they stand until others come
    if (buffers[2]) this.numbers = { ...content, values: doubles(buffers[2]) };
    if (content.version === this.lines.version) {
      if (content.type === "seed") this.clear();
      else if (this.next !== null && content.first > this.next) this.ask("ready"); // some were lost
      this.append(content.first, doubles(buffers[0]), floats(buffers[1]));
    }
    this.notify();
  }

  append(first, times, values) {
    const width = this.columns.length - 1;
    const known = this.next === null ? 0 : Math.max(0, this.next - first);
    for (let row = known; row < times.length; row += 1) {
      this.columns[0].push(times[row]);
      for (let line = 0; line < width; line += 1) {
        const value = values[row * width + line];
        this.columns[line + 1].push(Number.isNaN(value) ? null : value); // null breaks the line
      }
    }
    this.next = Math.max(this.next ?? 0, first + times.length);
    if (this.count > MOST_POINTS + SPARE) {
      for (const column of this.columns) column.splice(0, column.length - MOST_POINTS);
    }
  }
}

// Buffers need not lie at a multiple of 8 bytes: copy them.
const copied = (view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
const doubles = (view) => new Float64Array(copied(view));
const floats = (view) => new Float32Array(copied(view));
