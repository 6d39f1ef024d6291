// SPDX-License-Identifier: BSD-3-Clause
// The drawing of a path with what flows in it now.

import { h, say } from "./element.js";
import { NO_VALUE, quantity, si } from "./format.js";

const LARGEST = 1.15; // times the size that the drawing has on paper, for projectors
const SMALLEST = 0.85; // less cannot be read; what is too narrow scrolls

export class PathView {
  constructor(path, ui) {
    this.path = path;
    this.ui = ui;
    this.picture = h("div", { class: "lk-drawing" });
    this.picture.innerHTML = path.svg; // made by labkit, every text in it escaped
    this.detail = h("div", { class: "lk-detail", role: "region", "aria-label": "node", hidden: true });
    this.element = h("div", { class: "lk-path" }, this.picture, this.detail);
    this.findElements();
  }

  findElements() {
    const svg = this.picture.querySelector("svg");
    svg.removeAttribute("role"); // its nodes are buttons
    svg.style.width = "100%";
    svg.style.maxWidth = `${svg.getAttribute("width") * LARGEST}px`;
    svg.style.minWidth = `${svg.getAttribute("width") * SMALLEST}px`;
    this.nodes = this.path.nodes.map((node) => {
      const group = [...svg.querySelectorAll("g[data-node]")].find((g) => g.dataset.node === node.name);
      group.setAttribute("role", "button");
      group.setAttribute("tabindex", "0");
      group.setAttribute("aria-label", `node ${node.name}`);
      group.addEventListener("click", () => this.choose(node.name));
      group.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        this.choose(node.name);
      });
      return { node, group, counts: group.querySelector(".counts") };
    });
    this.edges = [...svg.querySelectorAll("g[data-edge]")]
      .sort((a, b) => a.dataset.edge - b.dataset.edge)
      .map((group) => ({ group, label: group.querySelector(".rate"), line: group.querySelector("path[fill=none]"), output: group.dataset.output }));
    this.drops = new Map([...svg.querySelectorAll("g[data-drop]")].map((group) => [group.dataset.drop, { group, label: group.querySelector(".lk-drop") }]));
    for (const [key, { label }] of this.drops) say(label, key.slice(key.indexOf("/") + 1));
    for (const { label, output } of this.edges) say(label, output);
    for (const { counts } of this.nodes) say(counts, NO_VALUE);
  }

  choose(name) {
    const key = `${this.path.name}/${name}`;
    this.ui.node = this.ui.node === key ? null : key;
    this.paintDetail();
  }

  /** Marks the nodes that a traced frame passed. */
  showWay(nodes) {
    const passed = new Set(nodes.filter(([path]) => path === this.path.name).map(([, node]) => node));
    for (const { node, group } of this.nodes) group.classList.toggle("lk-passed", passed.has(node.name));
  }

  /** flows: frames a second by node and by edge, and drops; all of one moment, as the other numbers. */
  paint(numbers, flows) {
    if (!flows || flows.edges.length !== this.edges.length) return; // of another drawing, or not known
    this.numbers = numbers;
    this.rates = new Map(this.nodes.map(({ node }, i) => [node.name, flows.nodes[i] ?? NaN]));
    for (const { node, group, counts } of this.nodes) {
      const rate = this.rates.get(node.name);
      const cycles = node.cycles < 0 ? NaN : numbers[node.cycles];
      const flows = rate > 0;
      say(counts, !flows ? "idle" : quantity(rate, "packets/s") + (Number.isNaN(cycles) ? "" : ` · ${si(Math.round(cycles))} cycles`));
      group.classList.toggle("lk-idle", !flows);
    }
    this.edges.forEach(({ group, label, line, output }, i) => {
      const rate = flows.edges[i];
      const told = rate > 0 ? quantity(rate, "packets/s") : "";
      say(label, [output, told].filter(Boolean).join("  "));
      group.classList.toggle("lk-flows", rate > 0);
      line.style.strokeWidth = rate > 0 ? String(1.5 + Math.min(Math.log10(rate + 1), 7) * 0.35) : "";
    });
    this.paintDrops(flows.drops);
    this.paintDetail();
  }

  paintDrops(drops) {
    for (const [node, name, rate, count] of drops) {
      const found = this.drops.get(`${node}/${name}`);
      if (!found) continue;
      say(found.label, rate > 0 ? `${name}  ${quantity(rate, "packets/s")}` : `${name}  ${si(count)} before`);
      found.group.classList.toggle("lk-past", !(rate > 0));
    }
  }

  paintDetail() {
    const found = this.nodes.find(({ node }) => this.ui.node === `${this.path.name}/${node.name}`);
    this.detail.hidden = !found;
    for (const entry of this.nodes) {
      entry.group.setAttribute("aria-expanded", String(entry === found));
      entry.group.classList.toggle("lk-chosen", entry === found);
    }
    if (!found) return;
    const { node } = found;
    if (this.detailed !== node) {
      this.detailed = node;
      this.figures = h("div", { class: "lk-figures" });
      this.detail.replaceChildren(
        h("strong", {}, node.name), ` ${node.sentence} `, h("span", { class: "lk-faint" }, node.reference),
        this.figures, h("div", { class: "lk-faint" }, node.params.join(" · ")));
    }
    const n = this.numbers;
    if (!n) return;
    const figures = [
      ["frames", quantity(this.rates.get(node.name), "packets/s")],
      ["calls", quantity(n[node.calls], "/s")],
      ["burst", `${si(n[node.burst])} frames a call`],
    ];
    if (node.cycles >= 0) figures.push(["cost", quantity(n[node.cycles], "cycles a frame")]);
    this.figures.replaceChildren(...figures.map(([name, value]) => h("span", {}, h("span", { class: "lk-faint" }, `${name} `), h("b", {}, value))));
  }
}
