// SPDX-License-Identifier: BSD-3-Clause
// The labs of a kernel, each with a button that ends it.

import { h } from "./element.js";
import { isDark } from "./palette.js";

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
    this.theme = new MutationObserver(() => this.dress());
    this.theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
    this.dress();
    this.ask("ready");
    this.paint();
  }

  end() {
    this.model.off("change:rows", this.changed);
    this.model.off("msg:custom", this.heard);
    this.theme.disconnect();
    this.ask("removed");
  }

  dress() {
    this.element.classList.toggle("lk-dark", isDark(this.element));
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
    const [lab, ...others] = columns.map((name) => h("th", { scope: "col" }, name));
    const head = [lab, h("th", {}), ...others]; // the button within reach on a narrow page
    this.element.replaceChildren(
      h("div", { class: "lk-wide" }, h("table", { class: "lk-table", "aria-label": "Labs" },
        h("thead", {}, h("tr", {}, ...head)),
        h("tbody", {}, ...rows.map((row) => this.row(row, columns))))),
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
    const [lab, ...others] = columns.map((name) => row[name]);
    const cells = others.map((text) => h("td", {}, text));
    return h("tr", {}, h("th", { scope: "row" }, lab), h("td", {}, close), ...cells);
  }
}
