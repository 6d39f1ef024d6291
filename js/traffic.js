// SPDX-License-Identifier: BSD-3-Clause
// Live traffic: a row a flow with its controls and numbers, and a chart below.

import { ChartPanel } from "./chart.js";
import { h, say } from "./element.js";
import { duration, load, NO_VALUE, quantity, si } from "./format.js";
import { Slider } from "./slider.js";
import { Trend } from "./trend.js";

const STATES = ["stopped", "started", "paused", "done"];
const SLOW_MS = 400; // an answer that takes longer waits for a cell

export class TrafficPanel {
  constructor(store, paint) {
    this.store = store;
    this.rows = new Map(); // by flow
    this.waiting = new Map(); // numbers of what was asked and not done yet, and whether that takes long
    this.error = ""; // of what was asked of all
    this.words = ["❚❚ Hold the view", "▶ Go on"]; // not the traffic
    this.chart = new ChartPanel(store, paint, { height: 190 });
    this.tools = this.chart.tools;
    const all = (action, sign, word, title) => h("button", {
      class: "lk-button", type: "button", title, onclick: () => this.ask(action, null),
    }, `${sign} ${word} all`);
    this.when = h("span", { class: "lk-faint" });
    this.told = h("span", { class: "lk-told", role: "status" });
    this.body = h("tbody", {});
    this.nothing = h("p", { class: "lk-faint", hidden: true }, "no flows yet: traffic.add(stream, on=port) makes one");
    const heads = [["flow"], ["rate"], ["sent"], ["received"], ["lost"], ["latency", "mean of the last second, and the longest"], ["course", "sent (whole line) and received (dashed), the last half minute"]];
    this.table = h("div", { class: "lk-wide lk-flows-table", tabindex: "0", role: "region", "aria-label": "flows" },
      h("table", { class: "lk-table", role: "table", "aria-label": "Flows" },
        h("thead", {}, h("tr", {}, ...heads.map(([text, title]) => h("th", { scope: "col", title: title ?? null }, text)))),
        this.body));
    this.element = h("div", {},
      h("div", { class: "lk-bar", role: "group", "aria-label": "all flows" },
        all("start", "▶", "Start", "Start all flows at one moment; their numbers begin anew"),
        all("pause", "❚❚", "Pause", "Pause all that are started"),
        all("resume", "▶❚", "Resume", "All that are paused go on"),
        all("stop", "■", "Stop", "Stop all"),
        all("clear", "0", "Clear", "Counters of all begin at 0"),
        this.told, h("span", { class: "lk-fill" }), this.when),
      this.nothing, this.table, this.chart.element);
  }

  dress(dark) {
    this.dark = dark;
    this.chart.dress(dark);
    for (const row of this.rows.values()) row.trend.dress(dark);
  }

  resize() {
    this.chart.resize();
  }

  end() {
    this.chart.end();
  }

  key(key, onButton) {
    return this.chart.key(key, onButton);
  }

  /** Asks the kernel; it acts when no cell runs, at the latest. Returns the number of what was asked; null: nobody was there. */
  ask(action, flow, more = {}) {
    if (this.isClosed) return null;
    const number = this.store.ask("flow", { do: action, flow, ...more });
    if (number === null) {
      this.isGone();
      return null;
    }
    this.waiting.set(number, false);
    setTimeout(() => {
      if (this.waiting.has(number)) this.waiting.set(number, true);
      this.tellWaiting();
    }, SLOW_MS);
    return number;
  }

  /** Nobody is there to do what waits. */
  isGone(why = "not done: the kernel that made this view is gone") {
    this.waiting.clear();
    this.error = why;
    this.tellWaiting();
    for (const row of this.rows.values()) row.slider.forget();
  }

  tellWaiting() {
    const isSlow = [...this.waiting.values()].includes(true);
    say(this.told, isSlow ? "waits for the kernel, at most until the cells that run have ended …" : this.error);
  }

  hear(message) {
    if (message.type === "gone" && this.waiting.size) this.isGone();
    if (message.type !== "done") return;
    this.store.rows = message;
    const mine = new Set(message.asked.filter(([page]) => page === this.store.page).map(([, number]) => number));
    for (const number of mine) this.waiting.delete(number);
    if (mine.size && message.flow === null) this.error = message.error;
    this.tellWaiting();
    for (const row of this.rows.values()) row.slider.isDone(mine);
    this.paint();
  }

  build(parts) {
    this.parts = parts;
    const old = this.rows;
    this.rows = new Map(parts.flows.map((flow) => [flow.name, old.get(flow.name) ?? new Row(this, flow)]));
    const elements = [...this.rows.values()].flatMap((row) => [row.element, row.said]);
    this.body.replaceChildren(...elements);
    this.nothing.hidden = elements.length > 0;
    this.table.hidden = elements.length === 0;
    for (const row of this.rows.values()) row.trend.dress(this.dark);
  }

  get isClosed() {
    return this.store.model.get("status")[0] === "closed";
  }

  paint() {
    const { store } = this;
    const parts = store.model.get("parts");
    if (parts !== this.parts) {
      this.build(parts);
      this.shownNumbers = this.shownRows = null;
    }
    const rows = [...this.rows.values()];
    const texts = store.rows;
    if (texts && texts !== this.shownRows && texts.layout === parts.layout) {
      this.shownRows = texts;
      rows.forEach((row, i) => row.tell(texts.rows[i]));
      if (texts.trend) rows.forEach((row, i) => row.trend.begin(texts.trend[i]));
    }
    const closed = this.isClosed;
    if (closed !== this.wasClosed) {
      this.wasClosed = closed;
      if (closed && this.waiting.size) this.isGone("not done: it was closed before");
      for (const control of this.element.querySelectorAll(".lk-flows-table :is(button, input), .lk-bar button")) control.disabled = closed;
    }
    this.chart.paint();
    const { numbers } = store;
    if (!numbers || numbers === this.shownNumbers || store.ui.isStopped || numbers.layout !== parts.layout) return;
    this.shownNumbers = numbers;
    const width = parts.columns.length;
    const at = Object.fromEntries(parts.columns.map((name, i) => [name, i]));
    rows.forEach((row, i) => row.paint(numbers.values.subarray(i * width, (i + 1) * width), at));
    say(this.when, `means of the last ${numbers.flow_seconds.toFixed(1)} s`);
  }
}

/** A flow. */
class Row {
  constructor(panel, flow) {
    this.panel = panel;
    this.name = flow.name;
    const button = (action, sign, word) => h("button", {
      class: "lk-button lk-small", type: "button", title: `${word} ${flow.name}`, "aria-label": `${word} ${flow.name}`,
      onclick: () => panel.ask(this.actionOf(action), flow.name),
    }, sign);
    this.start = button("start", "▶", "Start");
    this.pause = button("pause", "❚❚", "Pause");
    this.stop = button("stop", "■", "Stop");
    this.state = h("span", { class: "lk-state" });
    this.slider = new Slider(flow.name, (text) => panel.ask("rate", flow.name, { value: text }));
    this.trend = new Trend(flow.name);
    const pair = () => [h("div", {}), h("div", { class: "lk-faint" })];
    this.cells = { sent: pair(), received: pair(), lost: pair(), latency: pair() };
    this.saidText = h("div", { class: "lk-said-text", role: "status" });
    this.said = h("tr", { class: "lk-said", hidden: true, role: "row" }, h("td", { colspan: "6", role: "cell" }, this.saidText));
    this.element = h("tr", { role: "row" },
      h("th", { scope: "row", role: "rowheader" },
        h("div", {}, h("span", { class: "lk-flow-name", title: flow.name }, flow.name), this.state),
        h("div", { class: "lk-faint", title: `from ${flow.from} to ${flow.to.join(", ")}` }, `${flow.from} → ${flow.to.join(", ")}`)),
      h("td", { class: "lk-rate", role: "cell" }, this.slider.element, h("div", { class: "lk-rate-line" }, this.slider.input, this.start, this.pause, this.stop)),
      ...Object.entries(this.cells).map(([label, lines]) => h("td", { "data-label": label, role: "cell" }, ...lines)),
      h("td", { class: "lk-trend-cell", role: "cell" }, this.trend.element));
  }

  actionOf(action) {
    return action === "start" && this.code === 2 ? "resume" : action;
  }

  /** Texts: its rate, and what is wrong. */
  tell(row) {
    this.slider.tell(row);
    const text = row.error || row.short;
    say(this.saidText, text ? `⚠ ${this.name}: ${text}` : "");
    this.said.hidden = !text;
    this.element.classList.toggle("lk-has-said", Boolean(text));
  }

  /** Numbers. */
  paint(values, at) {
    const code = values[at.state];
    if (code !== this.code) {
      this.code = code;
      say(this.state, STATES[code] ?? "");
      this.state.dataset.state = STATES[code] ?? "";
      const go = code === 2 ? "Resume" : "Start";
      this.start.title = `${go} ${this.name}`;
      this.start.setAttribute("aria-label", `${go} ${this.name}`);
      this.start.disabled = code === 1;
      this.pause.disabled = code !== 1;
      this.stop.disabled = code !== 1 && code !== 2;
    }
    for (const name of ["sent", "received", "lost"]) {
      const [rate, sum] = this.cells[name];
      say(rate, quantity(values[at[`${name}_pps`]], "packets/s"));
      const total = values[at[name]];
      say(sum, Number.isNaN(total) ? NO_VALUE : si(total));
      sum.title = Number.isNaN(total) ? "" : `${total.toLocaleString("en")} frames in all`;
    }
    this.cells.lost[0].classList.toggle("lk-bad", values[at.lost_pps] > 0);
    const [mean, longest] = this.cells.latency;
    say(mean, duration(values[at.latency_avg_ns]));
    const max = values[at.latency_max_ns];
    say(longest, Number.isNaN(max) ? NO_VALUE : `max ${duration(max)}`);
    this.trend.add(values[at.sent_pps], values[at.received_pps]);
  }
}
