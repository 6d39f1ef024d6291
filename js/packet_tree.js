// SPDX-License-Identifier: BSD-3-Clause
// The layers of a frame and their fields as a tree.

import { h } from "./element.js";

const CHECKSUM = /^(c|ch)ksum$|^checksum$|^fcs$/;
const SIGNS = { good: "✓", wrong: "✗", unfinished: "△", unverifiable: "–" };

/** Whether two stretches of bits have some in common. */
export const overlap = (a, b) => a && b && a[0] < b[0] + b[1] && b[0] < a[0] + a[1];

export class PacketTree {
  /** pick(bits, isPinned): what is pointed at, or is to stay */
  constructor(pick) {
    this.pick = pick;
    this.element = h("ul", {
      class: "lk-tree", role: "tree", "aria-label": "layers and fields", onkeydown: (event) => this.key(event),
      onmouseleave: () => this.pick(null),
    });
    this.items = [];
  }

  show(layers) {
    const closed = new Set(this.items.filter((item) => item.element.getAttribute("aria-expanded") === "false").map((item) => item.name));
    this.items = [];
    this.element.replaceChildren(...layers.map((layer) => this.layer(layer, closed.has(layer.name))));
    if (this.items.length) this.items[0].element.tabIndex = 0;
  }

  layer(layer, isClosed) {
    const bits = [8 * layer.begin, 8 * (layer.end - layer.begin)];
    const text = `${layer.name}${layer.quoted ? " (quoted)" : ""}`;
    const range = h("span", { class: "lk-faint" }, ` ${layer.length} byte${layer.length === 1 ? "" : "s"}`);
    const head = h("span", { class: "lk-layer" }, h("b", {}, text), range);
    if (layer.verdict) head.append(h("span", { class: "lk-verdict", "data-verdict": layer.verdict }, `${SIGNS[layer.verdict]} checksum ${layer.checksum}`));
    if (layer.problem) head.append(h("span", { class: "lk-verdict", "data-verdict": "wrong" }, `⚠ ${layer.problem}`));
    const fields = layer.fields.map(([name, value, bit, size]) => this.item(
      h("span", {}, h("span", { class: "lk-faint" }, name), ` ${value}`, this.sign(layer, name)), `${layer.name} ${name} ${value}`, [bit, size]));
    const group = fields.length ? h("ul", { role: "group" }, ...fields.map((one) => one.element)) : null;
    const item = this.item(head, layer.name, bits, group);
    if (group) item.element.setAttribute("aria-expanded", !isClosed);
    this.items.push(item, ...fields);
    return item.element;
  }

  /** The verdict again, beside the field that it is about. */
  sign(layer, name) {
    if (!layer.verdict || !CHECKSUM.test(name)) return "";
    return h("span", { class: "lk-verdict", "data-verdict": layer.verdict, "aria-hidden": "true" }, SIGNS[layer.verdict]);
  }

  item(content, name, bits, group = null) {
    const line = h("div", { class: "lk-item" }, content);
    const element = h("li", { role: "treeitem", tabindex: "-1" }, line, group);
    const own = bits[1] > 0 ? bits : null;
    const item = { element, line, name, bits: own, isLayer: group !== null };
    line.addEventListener("mouseenter", () => this.pick(own));
    line.addEventListener("click", () => this.choose(item));
    if (group) line.addEventListener("dblclick", () => this.open(item));
    return item;
  }

  choose(item) {
    for (const other of this.items) other.element.tabIndex = -1;
    item.element.tabIndex = 0;
    item.element.focus({ preventScroll: true });
    this.pick(item.bits, true);
  }

  open(item, isOpen = item.element.getAttribute("aria-expanded") === "false") {
    if (item.element.hasAttribute("aria-expanded")) item.element.setAttribute("aria-expanded", isOpen);
  }

  key(event) {
    const seen = this.items.filter((item) => item.line.offsetParent !== null);
    const now = seen.findIndex((item) => item.element === document.activeElement);
    if (now < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const item = seen[now];
    const isOpen = item.element.getAttribute("aria-expanded") === "true";
    let to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: seen.length - 1 }[event.key];
    if (event.key === "ArrowRight") isOpen ? (to = now + 1) : this.open(item, true);
    else if (event.key === "ArrowLeft") {
      const above = item.element.parentElement.closest("[role=treeitem]");
      if (isOpen) this.open(item, false);
      else if (above) to = seen.findIndex((one) => one.element === above);
    } else if (event.key === "Escape") this.pick(null, true);
    else if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (seen[to]) {
      this.choose(seen[to]);
      seen[to].line.scrollIntoView({ block: "nearest" });
    }
  }

  /** Marks the fields that have some of these bits, or the layer where none has. */
  mark(bits, pinned) {
    const field = this.items.some((item) => !item.element.hasAttribute("aria-expanded") && overlap(item.bits, bits));
    for (const item of this.items) {
      const isSame = bits && item.bits && item.bits[0] === bits[0] && item.bits[1] === bits[1];
      const isHere = overlap(item.bits, bits) && (!item.isLayer || !field);
      item.line.classList.toggle("lk-marked", Boolean(isSame || (isHere && !this.items.some((o) => o.bits && bits && o.bits[0] === bits[0] && o.bits[1] === bits[1]))));
      const isPinned = pinned && item.bits && item.bits[0] === pinned[0] && item.bits[1] === pinned[1];
      item.element.setAttribute("aria-selected", Boolean(isPinned));
    }
  }

  /** What these bits are. */
  name(bits) {
    const exact = this.items.find((item) => item.bits && item.bits[0] === bits[0] && item.bits[1] === bits[1]);
    if (exact) return exact.name;
    const fields = this.items.filter((item) => !item.isLayer && overlap(item.bits, bits));
    const found = fields.length ? fields : this.items.filter((item) => overlap(item.bits, bits));
    return found.map((item) => item.name).join("; ");
  }
}
