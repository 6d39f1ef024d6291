// SPDX-License-Identifier: BSD-3-Clause
// The bytes of a frame as hex and as ASCII.

import { h } from "./element.js";
import { overlap } from "./packet_tree.js";

const WIDTH = 16; // bytes a line
const PIECE = 4096; // bytes that are drawn at once: of a jumbo frame or 64 kB the others on demand

export class PacketBytes {
  /** pick(bits, isPinned): what is pointed at, or is to stay */
  constructor(pick) {
    this.pick = pick;
    this.lines = h("div", { class: "lk-hex-lines" });
    this.more = h("button", { class: "lk-button", type: "button", onclick: () => this.draw(this.drawn + PIECE) });
    this.element = h("div", {
      class: "lk-hex", role: "group", tabindex: "0", "aria-label": "bytes as hex and ASCII; arrow keys go from byte to byte",
      onkeydown: (event) => this.key(event),
      onmouseover: (event) => this.point(event, false),
      onclick: (event) => this.point(event, true),
      onmouseleave: () => this.pick(null),
    }, this.lines, this.more);
    this.cells = [];
  }

  show(hex, layers, changed, wire) {
    this.data = Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
    this.changed = new Set(changed);
    this.at = -1;
    this.layerOf = new Uint8Array(this.data.length); // in turns, so that their borders are seen
    layers.forEach((layer, n) => this.layerOf.fill(n % 2, layer.begin, layer.end));
    this.cells = [];
    this.drawn = 0;
    this.lines.replaceChildren();
    if (!this.data.length) this.lines.append(h("p", { class: "lk-faint" }, wire ? `no byte of ${wire} was captured` : "no byte"));
    this.draw(PIECE);
  }

  /** Draws the bytes up to before `end`. */
  draw(end) {
    const last = Math.min(Math.ceil(end / PIECE) * PIECE, this.data.length);
    for (let at = this.drawn; at < last; at += WIDTH) {
      const hex = h("span", { class: "lk-hex-part" });
      const letters = h("span", { class: "lk-ascii-part", "aria-hidden": "true" });
      for (let i = at; i < Math.min(at + WIDTH, last); i += 1) this.cell(i, hex, letters);
      const place = h("span", { class: "lk-hex-at lk-faint", "aria-hidden": "true" }, at.toString(16).padStart(4, "0"));
      this.lines.append(h("div", { class: "lk-hex-line" }, place, hex, letters));
    }
    this.drawn = Math.max(this.drawn, last);
    const left = this.data.length - this.drawn;
    this.more.hidden = left <= 0;
    this.more.textContent = `show ${Math.min(left, PIECE).toLocaleString("en")} of ${left.toLocaleString("en")} more bytes`;
  }

  cell(i, hex, letters) {
    const byte = this.data[i];
    const kind = `${this.layerOf[i] ? "lk-odd" : ""}${this.changed.has(i) ? " lk-changed" : ""}`.trim();
    const pair = h("span", { "data-byte": i, class: kind || null }, byte.toString(16).padStart(2, "0"));
    const letter = h("span", { "data-byte": i, class: kind || null }, byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".");
    hex.append(pair);
    letters.append(letter);
    this.cells.push([pair, letter]);
  }

  point(event, isPinned) {
    const found = event.target.closest("[data-byte]");
    if (found) this.choose(Number(found.dataset.byte), isPinned);
    else if (!isPinned) this.pick(null);
  }

  choose(byte, isPinned) {
    if (isPinned) this.at = byte;
    this.pick([8 * byte, 8], isPinned);
  }

  key(event) {
    const now = this.at;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: WIDTH, ArrowUp: -WIDTH }[event.key];
    if (event.key === "Escape") this.pick(null, true);
    else if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    else {
      const to = now < 0 ? 0 : now + step;
      if (to >= 0 && to < this.data.length) {
        if (to >= this.drawn) this.draw(this.drawn + PIECE);
        this.choose(to, true);
        this.cells[to][0].scrollIntoView({ block: "nearest", inline: "nearest" });
      }
    }
    event.preventDefault();
    event.stopPropagation();
  }

  mark(bits, pinned) {
    for (const [name, stretch] of [["lk-marked", bits], ["lk-pinned", pinned]]) {
      for (const cell of this.lines.querySelectorAll(`.${name}`)) cell.classList.remove(name);
      if (!stretch) continue;
      const last = Math.ceil((stretch[0] + stretch[1]) / 8);
      for (let i = Math.floor(stretch[0] / 8); i < Math.min(last, this.drawn); i += 1) {
        if (overlap([8 * i, 8], stretch)) for (const cell of this.cells[i]) cell.classList.add(name);
      }
    }
  }
}
