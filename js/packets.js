// SPDX-License-Identifier: BSD-3-Clause
// The packet pane: frames as a list, the fields of one as a tree, and its bytes. The kernel has the
// frames; the page has the rows around the one that is shown.

import { h, say } from "./element.js";
import { copied, saved } from "./packet_copy.js";
import { PacketBytes } from "./packet_bytes.js";
import { PacketTree } from "./packet_tree.js";
import { PageWidget } from "./page_widget.js";

const PAGE_ROWS = 10; // of Page Up and Page Down
const WORDS = new Set(["number", "length", "frame"]); // columns of digits are those, and times

export class PacketPane extends PageWidget {
  constructor(model, hasOutputs) {
    const traits = ["rows", "first", "count", "at", "frame"];
    super(model, hasOutputs, { name: "lk-packets", label: `packets: ${model.get("title")}`, traits });
    this.place = h("span", { class: "lk-status", role: "status" });
    this.said = h("span", { class: "lk-status", role: "status" });
    this.head = h("div", { class: "lk-bar" });
    this.list = h("div", { class: "lk-packet-list", tabindex: "0", onkeydown: (event) => this.key(event) });
    this.way = h("div", { class: "lk-way", onclick: (event) => this.pickStep(event) });
    this.tree = new PacketTree((bits, isPinned) => this.mark(bits, isPinned));
    this.bytes = new PacketBytes((bits, isPinned) => this.mark(bits, isPinned));
    this.spot = h("p", { class: "lk-spot", role: "status" });
    this.text = h("textarea", { class: "lk-copy-text", readonly: true, hidden: true, "aria-label": "what to copy", rows: "4" });
    this.remarks = h("ul", { class: "lk-remarks" });
    this.buttons();
    this.element.append(this.head, this.list, this.way, this.remarks,
      h("div", { class: "lk-packet-pair" }, this.tree.element, this.bytes.element), this.spot, this.text);
    this.told = (message, buffers) => this.take(message, buffers);
    this.pinned = null;
  }

  begin() {
    this.model.on("msg:custom", this.told);
    super.begin();
  }

  end() {
    this.model.off("msg:custom", this.told);
    super.end();
  }

  // Which frame

  buttons() {
    const button = (text, label, act) => h("button", { class: "lk-button", type: "button", "aria-label": label, title: label, onclick: act }, text);
    this.steps = [
      [button("|◀", "first frame", () => this.go(0)), () => 0],
      [button("◀", "previous frame", () => this.go(this.at - 1)), () => this.at - 1],
      [button("▶", "next frame", () => this.go(this.at + 1)), () => this.at + 1],
      [button("▶|", "last frame", () => this.go(this.count - 1)), () => this.count - 1],
    ];
    this.number = h("input", {
      class: "lk-search lk-go", type: "number", min: "1", placeholder: "go to", "aria-label": "go to the frame at this place", title: "go to",
      onchange: () => this.go(Math.round(Number(this.number.value)) - 1),
    });
    this.navigation = h("span", { class: "lk-steps", role: "group", "aria-label": "frames" }, ...this.steps.map(([element]) => element), this.number, this.place);
    const copies = h("span", { class: "lk-steps", role: "group", "aria-label": "copy this frame" },
      button("Copy scapy", "copy this frame as scapy code", () => this.ask("copy", { what: "scapy" })),
      button("Copy hex", "copy the bytes of this frame as hex", () => this.copy("hex", this.model.get("frame").bytes ?? "")),
      button("pcapng", "download this frame as a pcapng file", () => this.ask("copy", { what: "pcapng" })));
    this.head.append(h("strong", { class: "lk-title" }, this.model.get("title")), this.navigation, h("span", { class: "lk-fill" }), this.said, copies);
  }

  get at() {
    return this.wanted ?? this.model.get("at");
  }

  get count() {
    return this.model.get("count");
  }

  /** Asks for a frame; of many keys that are held down the last one counts. */
  go(place) {
    if (!(place >= 0 && place < this.count)) return;
    this.wanted = place;
    this.choose();
    this.ask("frame", { place });
    this.silence = setTimeout(() => this.tell("the kernel is busy, or gone"), 3000);
  }

  key(event) {
    const to = {
      ArrowDown: this.at + 1, ArrowUp: this.at - 1, PageDown: Math.min(this.at + PAGE_ROWS, this.count - 1),
      PageUp: Math.max(this.at - PAGE_ROWS, 0), Home: 0, End: this.count - 1,
    }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation(); // Jupyter has keys of its own
    this.go(to);
  }

  pickStep(event) {
    const row = event.target.closest("[data-row]");
    if (row) this.go(Number(row.dataset.row));
  }

  // Painting

  paint() {
    const frame = this.model.get("frame");
    if (this.wanted === this.model.get("at")) this.wanted = undefined;
    if (this.wanted === undefined) clearTimeout(this.silence);
    if (this.rows !== this.model.get("rows")) this.paintList();
    if (frame !== this.frame) {
      this.frame = frame;
      this.pinned = null;
      this.tell("");
      this.text.hidden = true;
      this.paintFrame(frame);
    }
    this.choose();
  }

  paintList() {
    this.rows = this.model.get("rows");
    this.list.hidden = this.count < 2;
    const heads = this.model.get("heads");
    const first = this.model.get("first");
    const isNumber = (i) => WORDS.has(heads[i]) || heads[i].startsWith("time");
    const side = (i) => (isNumber(i) ? "lk-number" : null);
    const row = ([...cells], n) => {
      const isBad = cells.pop();
      const parts = cells.map((text, i) => h("td", { class: side(i), role: "gridcell", title: i === cells.length - 1 ? text : null }, i === cells.length - 1 && isBad ? `⚠ ${text}` : text));
      return h("tr", { role: "row", id: this.id(first + n), "data-place": first + n, class: isBad ? "lk-is-bad" : null, onclick: () => this.go(first + n) }, ...parts);
    };
    this.list.setAttribute("role", "grid");
    this.list.setAttribute("aria-label", "frames");
    this.list.setAttribute("aria-rowcount", this.count);
    this.list.replaceChildren(h("table", { role: "presentation" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...heads.map((head, i) => h("th", { class: side(i), role: "columnheader" }, head)))),
      h("tbody", { role: "rowgroup" }, ...this.rows.map(row))));
  }

  id(place) {
    return `lk-${this.page}-${place}`;
  }

  /** Marks the row of the frame that is shown, or will be. */
  choose() {
    const { at, count } = this;
    for (const row of this.list.querySelectorAll("tbody tr")) {
      const isChosen = Number(row.dataset.place) === at;
      row.setAttribute("aria-selected", isChosen);
      row.setAttribute("aria-rowindex", Number(row.dataset.place) + 1);
      if (isChosen) this.scrollTo(row);
    }
    this.list.setAttribute("aria-activedescendant", this.id(at));
    for (const [button, to] of this.steps) button.disabled = !(to() >= 0 && to() < count) || to() === at;
    this.navigation.hidden = count < 2;
    say(this.place, count ? `${(at + 1).toLocaleString("en")} of ${count.toLocaleString("en")}` : "no frame");
    this.number.max = count;
    for (const bar of this.way.querySelectorAll("[data-row]")) bar.classList.toggle("lk-chosen", Number(bar.dataset.row) === at);
  }

  /** Within the list alone: the notebook stays where it is. */
  scrollTo(row) {
    const head = this.list.querySelector("thead").offsetHeight;
    const top = row.offsetTop - head;
    if (top < this.list.scrollTop) this.list.scrollTop = top;
    const bottom = row.offsetTop + row.offsetHeight - this.list.clientHeight;
    if (bottom > this.list.scrollTop) this.list.scrollTop = bottom;
  }

  paintFrame(frame) {
    const layers = frame.layers ?? [];
    this.way.innerHTML = frame.timeline ?? ""; // the kernel has escaped it
    this.way.hidden = !frame.timeline;
    this.remarks.replaceChildren(...(frame.remarks ?? []).map((text) => h("li", {}, text)));
    this.tree.show(layers);
    this.bytes.show(frame.bytes ?? "", layers, frame.changed ?? [], frame.wire ?? 0);
    this.mark(null);
  }

  /** Links fields and bytes: [first bit, bits] of what is pointed at, in both; null: of nothing. */
  mark(bits, isPinned = false) {
    if (isPinned) this.pinned = bits;
    if (isPinned && bits) this.bytes.draw(Math.ceil((bits[0] + bits[1]) / 8)); // which may be far behind
    const shown = bits ?? this.pinned;
    this.tree.mark(shown, this.pinned);
    this.bytes.mark(shown, this.pinned);
    if (isPinned) for (const pane of [this.tree, this.bytes]) reveal(pane.element);
    say(this.spot, shown ? `${spoken(shown)}${this.tree.name(shown)}` : "point at a field or a byte to see the other; click to keep it");
  }

  // Copies

  tell(text) {
    say(this.said, text);
  }

  take(message, buffers) {
    if (message.type === "copied") this.copy(message.what, message.text);
    else if (message.type === "file") {
      saved(message.name, buffers[0]);
      this.tell(`${message.name} is downloaded`);
    } else if (message.type === "failed") {
      this.wanted = undefined;
      clearTimeout(this.silence);
      this.tell(message.text);
      this.choose();
    }
  }

  async copy(what, text) {
    const isDone = await copied(text);
    this.tell(isDone ? `copied as ${what}` : "the browser lets nothing be copied: take the text below");
    this.text.value = text;
    this.text.hidden = isDone;
    if (!isDone) this.text.select();
  }
}

/** Scrolls a pane, and not the notebook, to the first of what is marked in it. */
function reveal(pane) {
  const marked = pane.querySelector(".lk-marked");
  if (!marked) return;
  const top = marked.getBoundingClientRect().top - pane.getBoundingClientRect().top;
  if (top < 0 || top > pane.clientHeight - 24) pane.scrollTop += top - pane.clientHeight / 3;
}

function spoken([bit, bits]) {
  const first = Math.floor(bit / 8);
  const last = Math.floor((bit + bits - 1) / 8);
  const part = bits % 8 || bit % 8 ? `, ${bits} bit${bits === 1 ? "" : "s"}` : "";
  return `byte${first === last ? ` ${first}` : `s ${first} to ${last}`}${part}: `;
}
