// SPDX-License-Identifier: BSD-3-Clause
// Tables that nodes of a path keep, as they are now.

import { h, say } from "./element.js";
import { PageWidget } from "./page_widget.js";

export class TablesView extends PageWidget {
  constructor(model, hasOutputs) {
    super(model, hasOutputs, { name: "lk-tables", label: model.get("title"), traits: ["tables", "state"] });
    this.light = h("span", { class: "lk-light", "aria-hidden": "true" });
    this.status = h("span", { class: "lk-status", role: "status" });
    this.parts = h("div", {});
    this.element.append(
      h("div", { class: "lk-bar" }, this.light, h("strong", { class: "lk-title" }, model.get("title")), this.status),
      this.parts,
    );
  }

  paint() {
    const state = this.model.get("state");
    this.light.dataset.state = state === "live" ? "live" : "gone";
    say(this.status, state);
    this.parts.replaceChildren(...this.model.get("tables").map((table) => this.table(table)));
  }

  table({ node, heads, sides, rows, note }) {
    const side = (i) => (sides[i] === "l" ? "lk-words" : null);
    const cells = (row) => row.map((text, i) => h(i ? "td" : "th", { class: side(i), scope: i ? null : "row" }, text));
    return h("div", { class: "lk-part lk-wide" },
      h("h4", {}, node, h("span", { class: "lk-faint" }, note && ` ${note}`)),
      h("table", { class: "lk-table", "aria-label": node },
        h("thead", {}, h("tr", {}, ...heads.map((head, i) => h("th", { scope: "col", class: side(i) }, head)))),
        h("tbody", {}, ...rows.map((row) => h("tr", {}, ...cells(row))))));
  }
}
