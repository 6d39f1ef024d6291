// SPDX-License-Identifier: BSD-3-Clause
// A table that is sorted, filtered and downloaded. The kernel does it, on all rows.

import { h, say } from "./element.js";
import { PageWidget } from "./page_widget.js";

const TYPING = 200; // ms after the last key
const NEXT = { 0: 1, 1: -1, [-1]: 0 };
const SORTED = { 1: "ascending", [-1]: "descending" };

export class ExplorerView extends PageWidget {
  constructor(model, hasOutputs) {
    super(model, hasOutputs, { name: "lk-explorer", label: "A table", traits: ["rows", "note", "order"] });
    this.filter = h("input", {
      class: "lk-search", type: "search", placeholder: "filter", "aria-label": "Show the rows that have this text", oninput: () => this.typed(),
    });
    this.filter.addEventListener("keydown", (event) => event.stopPropagation()); // no shortcuts of the notebook
    this.note = h("span", { class: "lk-status", role: "status" });
    this.body = h("div", { class: "lk-part lk-wide" });
    const button = (format, name) =>
      h("button", { class: "lk-button", type: "button", title: `Download all rows that match as ${name}`, onclick: () => this.ask("download", { format }) }, name);
    this.element.append(
      h("div", { class: "lk-bar" }, this.filter, button("csv", "CSV"), button("parquet", "Parquet"), this.note),
      this.body,
    );
    this.told = (message, buffers) => this.hear(message, buffers);
  }

  begin() {
    this.model.on("msg:custom", this.told);
    super.begin();
  }

  end() {
    clearTimeout(this.timer);
    this.model.off("msg:custom", this.told);
    super.end();
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask("filter", { text: this.filter.value }), TYPING);
  }

  hear({ type, name, why }, buffers) {
    if (type === "failed") say(this.note, why);
    if (type !== "file") return;
    const url = URL.createObjectURL(new Blob(buffers));
    h("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }

  paint() {
    const [sorted, way] = this.model.get("order");
    const sides = this.model.get("sides");
    const side = (i) => (sides[i] === "l" ? "lk-words" : null);
    say(this.note, this.model.get("note"));
    const heads = this.model.get("heads").map((head, i) => {
      const now = i === sorted ? way : 0;
      const sort = () => this.ask("sort", { column: i, way: NEXT[now] });
      const mark = { 0: "", 1: " ▲", [-1]: " ▼" }[now];
      return h("th", { scope: "col", class: side(i), "aria-sort": SORTED[now] ?? "none" },
        h("button", { type: "button", class: "lk-sort", onclick: sort }, `${head}${mark}`));
    });
    const row = (cells) => h("tr", {}, ...cells.map((text, i) => h("td", { class: side(i) }, text)));
    this.body.replaceChildren(
      h("table", { class: "lk-table" }, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...this.model.get("rows").map(row))));
  }
}
