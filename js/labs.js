// SPDX-License-Identifier: BSD-3-Clause
// The labs of a kernel, each with a button that ends it.

import { h } from "./element.js";
import { PageWidget } from "./page_widget.js";

export class LabsView extends PageWidget {
  constructor(model, hasOutputs) {
    super(model, hasOutputs, { name: "lk-labs", label: "labs of this kernel", traits: ["rows"] });
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
