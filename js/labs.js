// SPDX-License-Identifier: BSD-3-Clause
// The labs of a kernel, each with a button that ends it.

import { h } from "./element.js";

export class LabsView {
  constructor(model, hasOutputs) {
    this.model = model;
    this.hasOutputs = hasOutputs;
    this.page = Math.random().toString(36).slice(2);
    this.asked = 0;
    this.element = h("section", { class: "lk-view lk-labs", "aria-label": "labs of this kernel" });
    this.changed = () => this.paint();
    this.heard = () => {
      // The kernel is there: the output around it may take the place of the table that is saved.
      this.element.dataset.live = "";
      this.element.dispatchEvent(new CustomEvent("labkit-live", { bubbles: true }));
    };
  }

  begin() {
    this.model.on("change:rows", this.changed);
    this.model.on("msg:custom", this.heard);
    this.ask("ready");
    this.paint();
  }

  end() {
    this.model.off("change:rows", this.changed);
    this.model.off("msg:custom", this.heard);
    this.ask("removed");
  }

  ask(type, more = {}) {
    try {
      this.model.send({ type, page: this.page, number: ++this.asked, hasOutputs: this.hasOutputs, ...more });
    } catch {
      // The kernel was restarted, and its labs have ended.
    }
  }

  paint() {
    const columns = this.model.get("columns");
    const rows = this.model.get("rows");
    if (!rows.length) {
      this.element.replaceChildren(h("p", {}, this.model.get("nothing")));
      return;
    }
    const head = [...columns.map((name) => h("th", { scope: "col" }, name)), h("th", {})];
    this.element.replaceChildren(
      h("table", { class: "lk-table", "aria-label": "Labs" },
        h("thead", {}, h("tr", {}, ...head)),
        h("tbody", {}, ...rows.map((row) => this.row(row, columns)))),
    );
  }

  row(row, columns) {
    const close = h("button", {
      class: "lk-button", type: "button", "aria-label": `Close ${row.lab}, engine ${row.engine}`,
      onclick: () => {
        close.disabled = true;
        close.textContent = "is being closed …";
        this.ask("close", { engine: row.engine });
      },
    }, "Close");
    return h("tr", {}, ...columns.map((name) => h("td", {}, row[name])), h("td", {}, close));
  }
}
