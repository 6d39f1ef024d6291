// SPDX-License-Identifier: BSD-3-Clause
// A small curve of what was sent and received.

import { h } from "./element.js";
import { quantity } from "./format.js";
import { stroke } from "./palette.js";

const MOST = 60; // points, two a second
const EVERY_MS = 450;
const WIDTH = 88;
const HEIGHT = 30;

export class Trend {
  constructor(name) {
    this.name = name;
    this.columns = [[], []];
    this.last = -1e9;
    this.element = h("span", { class: "lk-trend", role: "img", "aria-label": `sent and received by ${name}` });
    this.element.innerHTML = `<svg width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}"><path fill="none" stroke-width="2"/><path fill="none" stroke-width="2" stroke-dasharray="4 3"/></svg>`;
    this.paths = [...this.element.querySelectorAll("path")];
    this.dress(false);
  }

  dress(dark) {
    this.paths.forEach((path, i) => path.setAttribute("stroke", stroke(i, dark)));
  }

  begin(columns) {
    this.columns = columns.map((column) => column.slice(-MOST));
    this.draw();
  }

  add(...values) {
    if (performance.now() - this.last < EVERY_MS) return;
    this.last = performance.now();
    values.forEach((value, i) => {
      this.columns[i].push(Number.isNaN(value) ? null : value);
      if (this.columns[i].length > MOST) this.columns[i].shift();
    });
    this.draw();
  }

  draw() {
    const top = Math.max(...this.columns.flat().map((value) => value ?? 0), 1);
    this.columns.forEach((column, i) => {
      let d = "";
      let pen = "M";
      column.forEach((value, k) => {
        if (value === null) {
          pen = "M";
          return;
        }
        const x = WIDTH - 1 - (column.length - 1 - k) * ((WIDTH - 2) / (MOST - 1));
        const y = HEIGHT - 2 - (value / top) * (HEIGHT - 4);
        d += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
        pen = "L";
      });
      this.paths[i].setAttribute("d", d);
    });
    this.element.title = `up to ${quantity(top, "packets/s")}; sent is the whole line, received the dashed one`;
  }
}
