// SPDX-License-Identifier: BSD-3-Clause
// Lines over time, and the legend that tells their values.

import uPlot from "uplot";
import { h, say } from "./element.js";
import { quantity, si, timeOfDay } from "./format.js";
import { dash, stroke } from "./palette.js";
import { Picker } from "./picker.js";

const SPANS = [10, 30, 60, 300, 600, Infinity];
const SLOW_SECONDS = 2; // between points of a recording of hours: show all of it
const HEIGHT = 260;
const ZOOM = 1.5;
const LEAST_SPAN = 0.5;
const LEAST_SHOWN = 10; // seconds
const LIKENESS = 0.02; // of the axis: points no further apart hide each other
const HIDDEN = 0.8; // of the points: lines of which so many do are drawn in turns

export class ChartPanel {
  constructor(store, paint, options = {}) {
    this.store = store;
    this.want = paint;
    this.height = options.height ?? HEIGHT;
    const ui = (this.ui = store.ui);
    ui.span ??= null; // not chosen yet
    ui.off ??= new Set(); // names of lines that are not drawn
    this.area = h("div", {
      class: "lk-chart", tabindex: "0", role: "img",
      onwheel: (event) => this.wheel(event),
    });
    this.legend = h("div", { class: "lk-legend", role: "group", "aria-label": "lines" });
    this.when = h("div", { class: "lk-when lk-faint" });
    this.element = h("div", { class: "lk-chart-panel" }, this.area, this.when, this.legend);
    this.follow = h("button", {
      class: "lk-button lk-follow", type: "button", title: "Follow what comes (End)",
      onclick: () => this.goLive(),
    }, "⇥ Live");
    this.span = h("select", {
      class: "lk-select", "aria-label": "seconds shown",
      onchange: (event) => {
        ui.span = +event.target.value;
        this.goLive();
      },
    }, ...SPANS.map((s) => h("option", { value: s, selected: s === (ui.span ?? 60) }, spanName(s))));
    this.tools = [this.span, this.follow];
    if (!options.fixed) {
      this.picker = new Picker(store, () => this.area.focus());
      this.element.prepend(this.picker.element);
      this.tools.unshift(this.picker.button);
    }
  }

  dress(dark) {
    this.dark = dark;
    this.rebuild();
  }

  end() {
    this.plot?.destroy();
    this.plot = null;
  }

  resize() {
    const width = this.area.clientWidth;
    if (this.plot && width > 0 && width !== this.plot.width) {
      this.plot.setSize({ width, height: this.height });
    }
  }

  rebuild() {
    this.end();
    const { items, version } = this.store.lines;
    this.version = version;
    this.axisUnits = [...new Set(items.map((item) => item.unit))];
    this.area.replaceChildren();
    this.fillLegend(items);
    const width = this.area.clientWidth;
    if (!items.length || width <= 0) return;
    const style = getComputedStyle(this.area);
    const ink = style.getPropertyValue("--lk-faint");
    const grid = { stroke: style.getPropertyValue("--lk-grid"), width: 1 };
    const large = Number(style.getPropertyValue("--lk-scale")) || 1; // see lk.present
    const font = `${12 * large}px system-ui, sans-serif`;
    const axis = { stroke: ink, grid, ticks: { ...grid, size: 4 }, font, labelFont: font };
    const scales = { x: { time: true, auto: false } };
    const axes = [{ ...axis, size: 34 * large, space: 84 * large, values: (_, splits) => this.times(splits) }];
    this.axisUnits.forEach((unit, i) => {
      const key = unit || "none";
      scales[key] = { range: (_, low, high) => [Math.min(0, low ?? 0), high > 0 ? high * 1.08 : 1] };
      axes.push({
        ...axis, scale: key, side: i ? 1 : 3, size: 58 * large, labelSize: 18 * large,
        grid: i ? { show: false } : grid,
        label: unit === "packets/s" ? "packets/s (pps)" : unit,
        values: (_, splits) => splits.map(tick),
      });
    });
    const series = items.map((item, i) => ({
      label: item.name, scale: item.unit || "none", width: 2, dash: dash(i),
      stroke: stroke(i, this.dark), show: !this.ui.off.has(item.name), points: { show: false },
    }));
    this.turns = items.map((_, i) => [0, 1, i]);
    this.plot = new uPlot(
      {
        width, height: this.height, scales, axes, series: [{}, ...series],
        legend: { show: false },
        padding: [10, 8, 0, 0],
        cursor: { drag: { x: true, y: false, setScale: false }, focus: { prox: 24 }, points: { size: 7 } },
        focus: { alpha: 0.35 },
        hooks: {
          setCursor: [() => this.tellValues()],
          setSelect: [(plot) => this.zoomTo(plot)],
          draw: [(plot) => this.drawMarks(plot)],
          ready: [(plot) => plot.over.addEventListener("dblclick", () => this.goLive())],
        },
      },
      this.store.columns, this.area,
    );
    this.panWithShift(this.plot.over);
    this.paint();
  }

  times(splits) {
    const fine = splits.length > 1 && splits[1] - splits[0] < 1;
    return splits.map((x) => (fine ? timeOfDay(x) : timeOfDay(x).slice(0, 8)));
  }

  paint() {
    const { store, ui, plot } = this;
    if (this.version !== store.lines.version || (!plot && this.area.clientWidth > 0)) {
      if (store.lines.items.length || this.version !== store.lines.version) this.rebuild();
      if (!this.plot || this.plot !== plot) return;
    }
    if (!plot || !store.count) return;
    const [low, high] = this.range();
    this.takeTurns(low, high);
    plot.batch(() => {
      plot.setData(store.columns, false);
      plot.setScale("x", { min: low, max: high });
    });
    this.follow.classList.toggle("lk-on", !ui.range);
    this.follow.setAttribute("aria-pressed", String(!ui.range));
    this.tellValues();
    this.describe();
    this.picker?.paint();
  }

  /** What is shown of the time: the latest seconds, or what was chosen. */
  range() {
    if (this.ui.range) return this.ui.range;
    const times = this.store.columns[0];
    const end = this.ui.frozenAt ?? times[times.length - 1];
    // A view that is young fills its width; it need not show a minute of nothing.
    return [Math.max(end - this.spanShown, Math.min(times[0], end - LEAST_SHOWN)), end];
  }

  get spanShown() {
    const times = this.store.columns[0];
    if (this.ui.span === null && times.length > 2) {
      this.ui.span = times[2] - times[1] > SLOW_SECONDS ? Infinity : 60;
      this.span.value = String(this.ui.span);
    }
    return this.ui.span ?? 60;
  }

  setRange(low, high) {
    const times = this.store.columns[0];
    if (!times.length) return;
    const span = Math.max(high - low, LEAST_SPAN);
    const start = Math.max(low, times[0] - span / 2);
    this.ui.range = [start, start + span];
    this.want();
  }

  goLive() {
    this.ui.range = null;
    this.want();
  }

  zoomTo(plot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    this.setRange(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  }

  zoom(factor, at = 0.5) {
    const [low, high] = this.range();
    const middle = low + (high - low) * at;
    this.setRange(middle - (middle - low) * factor, middle + (high - middle) * factor);
  }

  pan(share) {
    const [low, high] = this.range();
    const by = (high - low) * share;
    const times = this.store.columns[0];
    if (high + by >= times[times.length - 1]) this.goLive();
    else this.setRange(low + by, high + by);
  }

  /** The wheel scrolls the notebook; with Shift it zooms. */
  wheel(event) {
    if (!event.shiftKey || !this.plot) return;
    event.preventDefault();
    const box = this.plot.over.getBoundingClientRect();
    const turn = event.deltaY || event.deltaX;
    this.zoom(turn > 0 ? ZOOM : 1 / ZOOM, (event.clientX - box.left) / box.width);
  }

  /** Shift and drag moves; a drag without it selects what to zoom to. */
  panWithShift(over) {
    over.addEventListener("mousedown", (event) => {
      if (!event.shiftKey) return;
      event.stopImmediatePropagation();
      const [low, high] = this.range();
      const scale = (high - low) / over.clientWidth;
      const move = (e) => this.setRange(low - (e.clientX - event.clientX) * scale, high - (e.clientX - event.clientX) * scale);
      const up = () => document.removeEventListener("mousemove", move);
      document.addEventListener("mousemove", move);
      document.addEventListener("mouseup", up, { once: true });
    }, true);
  }

  key(key, onButton) {
    if (key === "ArrowLeft") this.pan(-0.2);
    else if (key === "ArrowRight") this.pan(0.2);
    else if (key === "+" || key === "=") this.zoom(1 / ZOOM);
    else if (key === "-") this.zoom(ZOOM);
    else if (key === "Home") this.setRange(this.store.columns[0][0], this.store.columns[0][0] + (Number.isFinite(this.spanShown) ? this.spanShown : 1e9));
    else if (key === "End") this.goLive();
    else if (key === "/" && this.picker) this.picker.open();
    else return false;
    return true;
  }

  drawMarks(plot) {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    const marks = [...this.store.model.get("marks")];
    if (this.ui.mark) marks.push(this.ui.mark);
    const [low, high] = [plot.scales.x.min, plot.scales.x.max];
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = getComputedStyle(this.area).getPropertyValue("--lk-ink");
    ctx.font = `${12 * ratio}px system-ui, sans-serif`;
    ctx.setLineDash([3 * ratio, 3 * ratio]);
    for (const [x, text] of marks) {
      if (x < low || x > high) continue;
      const left = Math.round(plot.valToPos(x, "x", true));
      ctx.beginPath();
      ctx.moveTo(left, bbox.top);
      ctx.lineTo(left, bbox.top + bbox.height);
      ctx.stroke();
      ctx.fillText(`⚑ ${text}`, left + 4 * ratio, bbox.top + 12 * ratio);
    }
    ctx.restore();
  }

  /** Lines that lie on each other are drawn in turns, so that none hides another. */
  takeTurns(low, high) {
    const { store, plot, ui } = this;
    const { items } = store.lines;
    const shown = items.map((_, i) => i).filter((i) => !ui.off.has(items[i].name));
    const turns = turnsOf(store.columns, items, shown, low, high);
    if (String(turns) === String(this.turns)) return;
    this.turns = turns;
    turns.forEach((turn, i) => {
      const dashes = dash(i, turn);
      plot.series[i + 1].dash = dashes;
      this.swatches[i].setAttribute("stroke-dasharray", dashes.join(" ") || "none");
      const alike = items.filter((item, k) => k !== i && turn[1] > 1 && turns[k][2] === turn[2]).map((item) => item.name);
      say(this.alike[i], alike.length ? "=" : "");
      this.alike[i].title = alike.length ? `drawn in turns with ${alike.join(", ")}, which has the same values` : "";
    });
  }

  fillLegend(items) {
    this.values = [];
    this.swatches = [];
    this.alike = [];
    const rows = items.map((item, i) => {
      const value = h("span", { class: "lk-value" });
      this.values.push(value);
      const alike = h("span", { class: "lk-alike" });
      this.alike.push(alike);
      const swatch = h("span", { class: "lk-swatch", "aria-hidden": "true" });
      swatch.innerHTML = '<svg width="40" height="6"><line x1="0" y1="3" x2="40" y2="3" stroke-width="3"/></svg>';
      const line = swatch.querySelector("line");
      line.setAttribute("stroke", stroke(i, this.dark));
      line.setAttribute("stroke-dasharray", dash(i).join(" ") || "none");
      this.swatches.push(line);
      return h("button", {
        class: "lk-line", type: "button", title: [item.name, item.meaning].filter(Boolean).join("\n"),
        "aria-pressed": String(!this.ui.off.has(item.name)),
        onclick: (event) => this.show(item.name, i, event.currentTarget),
      }, swatch, h("span", { class: "lk-name" }, item.name), alike, value);
    });
    this.legend.replaceChildren(...rows);
  }

  show(name, line, button) {
    const { off } = this.ui;
    if (!off.delete(name)) off.add(name);
    button.setAttribute("aria-pressed", String(!off.has(name)));
    this.plot?.setSeries(line + 1, { show: !off.has(name) });
  }

  /** Values under the cursor, else the means of the last second, as everywhere beside the lines. */
  tellValues() {
    const { store, plot } = this;
    const at = plot?.cursor.idx;
    const isPointed = at !== null && at !== undefined && at < store.count;
    say(this.when, isPointed ? `values at ${timeOfDay(store.columns[0][at])}` : store.meansTold);
    store.lines.items.forEach((item, i) => {
      const value = isPointed ? store.columns[i + 1][at] : store.mean(i);
      if (this.values[i]) say(this.values[i], quantity(value, item.unit));
    });
  }

  describe() {
    const parts = this.store.lines.items
      .slice(0, 8)
      .map((item, i) => `${item.name} ${quantity(this.store.mean(i), item.unit)}`);
    const label = `Chart of ${parts.join(", ")}`;
    if (performance.now() - (this.described ?? -1e9) > 2000) {
      this.described = performance.now(); // a reader need not hear ten of them a second
      this.area.setAttribute("aria-label", label);
    }
  }
}

const spanName = (s) => (!Number.isFinite(s) ? "all" : s < 60 ? `${s} s` : `${s / 60} min`);

/** A number on an axis: 50 k, not 50.0 k. */
const tick = (value) => si(value).replace(/(\.\d*?)0+(?=\s|$)/, "$1").replace(/\.(?=\s|$)/, "");

/** Of every line its number among those that lie on it between two times, how many they are, and the first. */
function turnsOf(columns, items, shown, low, high) {
  const times = columns[0];
  const first = Math.max(0, times.findIndex((x) => x >= low));
  let end = times.length;
  while (end > first && times[end - 1] > high) end -= 1;
  const tops = {};
  for (const i of shown) {
    const unit = items[i].unit;
    for (let row = first; row < end; row += 1) tops[unit] = Math.max(tops[unit] ?? 0, columns[i + 1][row] ?? 0);
  }
  const groups = [];
  for (const i of shown) {
    const { unit } = items[i];
    const group = groups.find(([k]) => items[k].unit === unit && alike(columns[k + 1], columns[i + 1], first, end, LIKENESS * tops[unit]));
    if (group) group.push(i);
    else groups.push([i]);
  }
  const turns = items.map((_, i) => [0, 1, i]);
  for (const group of groups) group.forEach((i, turn) => (turns[i] = [turn, group.length, group[0]]));
  return turns;
}

function alike(a, b, first, end, near) {
  let both = 0;
  let close = 0;
  for (let row = first; row < end; row += 1) {
    if (a[row] === null || b[row] === null) continue;
    both += 1;
    close += Math.abs(a[row] - b[row]) <= near;
  }
  return both > 0 && close >= HIDDEN * both;
}
