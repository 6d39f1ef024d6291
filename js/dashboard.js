// SPDX-License-Identifier: BSD-3-Clause
// A lab live: a chart of its ports, tables of ports, workers and mempools, and its paths.

import { ChartPanel } from "./chart.js";
import { h, say } from "./element.js";
import { NO_VALUE, quantity, si } from "./format.js";
import { PathView } from "./paths.js";

export class Dashboard {
  constructor(store, paint) {
    this.store = store;
    this.body = h("div", { class: "lk-parts" });
    this.when = h("div", { class: "lk-when lk-faint" });
    this.element = h("div", {});
    const { shown } = store.model.get("parts");
    if (shown.includes("chart")) {
      this.chart = new ChartPanel(store, paint, { fixed: true, height: 190 });
      this.tools = this.chart.tools;
      this.element.append(this.chart.element);
    }
    this.trace = h("div", { class: "lk-trace", role: "status", hidden: true });
    this.element.append(this.when, this.body, this.trace);
  }

  dress(dark) {
    this.chart?.dress(dark);
  }

  resize() {
    this.chart?.resize();
  }

  end() {
    this.chart?.end();
  }

  key(key, onButton) {
    return this.chart?.key(key, onButton) ?? false;
  }

  /** A trace has come. */
  hear(message) {
    if (message.type !== "trace") return;
    this.trace.hidden = false;
    const close = h("button", { class: "lk-button", type: "button", onclick: () => this.hideTrace() }, "Close");
    const table = h("div", { class: "lk-trace-table" });
    table.innerHTML = message.html; // made by labkit, every text in it escaped
    this.trace.replaceChildren(h("div", { class: "lk-bar" }, h("strong", {}, "Trace of the next frame"), message.text, h("span", { class: "lk-fill" }), close), table);
    for (const view of this.paths) view.showWay(message.nodes);
  }

  hideTrace() {
    this.trace.hidden = true;
    for (const view of this.paths) view.showWay([]);
  }

  askTrace() {
    this.trace.hidden = false;
    this.trace.textContent = "Waiting for the next frame; while a cell runs, until it has ended …";
    this.store.ask("trace");
  }

  build(parts) {
    this.parts = parts;
    this.writers = [];
    const sections = [];
    if (parts.ports) sections.push(this.ports(parts.ports));
    const pair = [];
    if (parts.workers) pair.push(this.workers(parts.workers));
    if (parts.pools) pair.push(this.pools(parts.pools));
    if (pair.length) sections.push(h("div", { class: "lk-pair" }, ...pair));
    this.paths = (parts.paths ?? []).map((path) => new PathView(path, this.store.ui));
    if (this.paths.length) {
      const trace = h("button", {
        class: "lk-button lk-ask-trace", type: "button", title: "Follow the next frame that enters a path, node by node", onclick: () => this.askTrace(),
      }, "◎ Trace a frame");
      sections.push(h("div", { class: "lk-part" },
        h("div", { class: "lk-bar" }, h("h4", {}, "Paths"), h("span", { class: "lk-fill" }), trace),
        ...this.paths.map((view) => view.element)));
    }
    this.body.replaceChildren(...sections);
  }

  /** A cell that shows a number of the messages. */
  cell(place, unit, attributes = {}) {
    const cell = h("td", attributes);
    this.writers.push((numbers) => say(cell, quantity(numbers[place], unit)));
    return cell;
  }

  ports(rows) {
    const body = rows.map((row) => {
      const lost = this.cell(row.lost, "/s", { title: "frames the port lost: missed, bad, without a buffer, not sent" });
      this.writers.push((numbers) => lost.classList.toggle("lk-bad", numbers[row.lost] > 0));
      const peer = row.peer ? ` ⇄ ${row.peer}` : "";
      return h("tr", {}, h("th", { scope: "row", title: row.about }, row.name, h("span", { class: "lk-faint" }, peer)),
        this.cell(row.rx, "packets/s"), this.cell(row.rx_bits, "bit/s"), this.cell(row.tx, "packets/s"), this.cell(row.tx_bits, "bit/s"), lost);
    });
    return table("Ports", ["port", "received", "received (L2)", "sent", "sent (L2)", "lost"], body);
  }

  workers(rows) {
    const body = rows.map((row) => h("tr", {},
      h("th", { scope: "row", title: `${row.about}; runs ${row.paths || "nothing"}` }, row.name),
      h("td", {}, this.meter(row.busy, `busy share of ${row.name}`, (v) => `${v.toFixed(v < 9.95 ? 1 : 0)} %`)),
      this.cell(row.cycles, "cycles")));
    return table("Workers", ["lcore", "busy", "per packet"], body);
  }

  pools(rows) {
    const body = rows.map((row) => {
      const used = h("td", {});
      this.writers.push((numbers) => say(used, `${si(numbers[row.used])} of ${si(numbers[row.size])}`));
      return h("tr", {}, h("th", { scope: "row", title: row.about }, row.name),
        h("td", {}, this.meter(row.share, `share of ${row.name} in use`, (v) => `${v.toFixed(v < 9.95 ? 1 : 0)} %`)), used);
    });
    return table("Mempools", ["mempool", "in use", "mbufs"], body);
  }

  /** A bar from 0 to 100 with its number. */
  meter(place, label, words) {
    const fill = h("span", { class: "lk-meter-fill" });
    const text = h("span", { class: "lk-meter-text" });
    const bar = h("span", { class: "lk-meter", role: "meter", "aria-label": label, "aria-valuemin": "0", "aria-valuemax": "100" },
      h("span", { class: "lk-meter-track" }, fill), text);
    this.writers.push((numbers) => {
      const value = numbers[place];
      const told = Number.isNaN(value) ? NO_VALUE : words(value);
      if (text.textContent === told) return;
      say(text, told);
      fill.style.width = `${Math.min(Math.max(value || 0, 0), 100)}%`;
      bar.setAttribute("aria-valuenow", String(Math.round(value || 0)));
    });
    return bar;
  }

  paint() {
    const parts = this.store.model.get("parts");
    if (parts !== this.parts) {
      this.build(parts);
      this.shownNumbers = null;
    }
    this.chart?.paint();
    const { numbers } = this.store;
    if (!numbers || numbers === this.shownNumbers || this.store.ui.isStopped) return;
    if (numbers.layout !== parts.layout) return; // those of a port or path that came or went are on their way
    this.shownNumbers = numbers;
    for (const write of this.writers) write(numbers.values);
    if (!this.chart) say(this.when, this.store.meansTold);
    this.paths.forEach((view, i) => view.paint(numbers.values, numbers.flows[i]));
  }
}

function table(title, columns, rows) {
  return h("div", { class: "lk-part" }, h("h4", {}, title),
    h("div", { class: "lk-wide" }, h("table", { class: "lk-table", "aria-label": title },
      h("thead", {}, h("tr", {}, ...columns.map((column) => h("th", { scope: "col" }, column)))),
      h("tbody", {}, ...rows))));
}
