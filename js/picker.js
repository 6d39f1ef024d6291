// SPDX-License-Identifier: BSD-3-Clause
// Choosing counters by searching their names.

import { h } from "./element.js";

const MOST_SHOWN = 200;

export class Picker {
  constructor(store, leave) {
    this.store = store;
    this.leave = leave;
    this.button = h("button", {
      class: "lk-button lk-choose", type: "button", title: "Choose counters (/)", "aria-expanded": "false",
      onclick: () => (this.isOpen ? this.close() : this.open()),
    }, "☰ Counters");
    this.search = h("input", {
      class: "lk-search", type: "search", placeholder: "search counters, e.g. rx good",
      "aria-label": "search counters", oninput: () => this.fill(),
    });
    this.list = h("div", { class: "lk-names", role: "group", "aria-label": "counters" });
    this.count = h("span", { class: "lk-faint", role: "status" });
    this.element = h("div", {
      class: "lk-picker", hidden: true, role: "dialog", "aria-label": "choose counters",
      onkeydown: (event) => this.key(event),
    }, h("div", { class: "lk-picker-bar" }, this.search, this.count,
      h("button", { class: "lk-button", type: "button", onclick: () => this.close() }, "Done")), this.list);
  }

  get isOpen() {
    return !this.element.hidden;
  }

  open() {
    this.element.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.chosen = new Set(this.store.lines.items.map((item) => item.name));
    this.fill();
    this.search.focus();
  }

  close() {
    this.element.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
    this.leave();
  }

  key(event) {
    if (event.key === "Escape") this.close();
    else if (event.key === "Enter" && event.target === this.search) this.list.querySelector("input")?.click();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Names that hold every word; those that are drawn come first. */
  fill() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const names = this.store.model.get("names");
    const found = names.filter((name) => words.every((word) => name.toLowerCase().includes(word)));
    found.sort((a, b) => this.chosen.has(b) - this.chosen.has(a));
    this.count.textContent = `${found.length} of ${names.length}`;
    this.list.replaceChildren(...found.slice(0, MOST_SHOWN).map((name) => {
      const box = h("input", { type: "checkbox", onchange: () => this.choose(name, box.checked) });
      box.checked = this.chosen.has(name);
      return h("label", { class: "lk-choice" }, box, name);
    }));
  }

  choose(name, isChosen) {
    if (isChosen) this.chosen.add(name);
    else if (this.chosen.size > 1) this.chosen.delete(name);
    this.store.ask("choose", { names: [...this.chosen] });
  }

  paint() {
    if (this.isOpen && this.listed !== this.store.model.get("names")) {
      this.listed = this.store.model.get("names");
      this.fill();
    }
  }
}
