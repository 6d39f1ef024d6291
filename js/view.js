// SPDX-License-Identifier: BSD-3-Clause
// What all views have: title, state, buttons, and when to paint.

import { h, say } from "./element.js";
import { timeOfDay } from "./format.js";
import { isDark } from "./palette.js";

const KEYS_HELP =
  "Keys: left and right move, plus and minus zoom, End follows again, Space stops or starts, " +
  "M marks, slash chooses counters";

export class View {
  constructor(store, makePanel) {
    this.store = store;
    this.isInSight = true;
    this.isDirty = false;
    this.title = h("strong", { class: "lk-title" });
    this.light = h("span", { class: "lk-light", "aria-hidden": "true" });
    this.status = h("span", { class: "lk-status", role: "status" });
    this.toggle = h("button", { class: "lk-button lk-toggle", type: "button", onclick: () => this.startOrStop() });
    this.marker = h(
      "button",
      { class: "lk-button lk-mark", type: "button", title: "Mark this moment (M)", onclick: () => this.mark() },
      "⚑ Mark",
    );
    this.faults = h("ul", { class: "lk-faults", "aria-label": "counters that cannot be believed" });
    this.panel = makePanel(() => this.want());
    this.bar = h(
      "div",
      { class: "lk-bar", role: "toolbar", "aria-label": "view" },
      this.light, this.title, this.status,
      h("span", { class: "lk-fill" }),
      ...(this.panel.tools ?? []), this.toggle, this.marker,
    );
    this.element = h(
      "section",
      {
        class: "lk-view",
        "aria-label": store.model.get("title"),
        onkeydown: (event) => this.key(event),
      },
      this.bar, this.panel.element, this.faults,
    );
    this.panel.element.setAttribute("aria-description", KEYS_HELP);
    this.heard = (message) => {
      this.showLife();
      return message ? this.panel.hear?.(message) : this.want();
    };
    this.looked = () => this.look();
    // Else M would turn the cell into Markdown, and an arrow choose a cell rather than move a slider.
    // JupyterLab looks at what has the focus before what is around it. Ctrl+S stays JupyterLab's.
    this.guard = (event) => {
      const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
      if (this.element.contains(event.target)) event.target.toggleAttribute("data-lm-suppress-shortcuts", isPlain);
    };
  }

  begin() {
    const { store } = this;
    store.listeners.add(this.heard);
    store.displays.set(this, true);
    this.sight = new IntersectionObserver((entries) => this.look(entries[entries.length - 1].isIntersecting));
    this.sight.observe(this.element);
    this.size = new ResizeObserver(() => {
      this.panel.resize?.();
      this.want();
    });
    this.size.observe(this.element);
    this.theme = new MutationObserver(() => this.dress());
    this.theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
    document.addEventListener("visibilitychange", this.looked);
    window.addEventListener("keydown", this.guard, true);
    store.tellSight();
    this.dress();
    this.showLife();
  }

  /** Tells the output around it that it may take the place of the picture. */
  showLife() {
    if (!this.store.isLive || "live" in this.element.dataset) return;
    this.element.dataset.live = "";
    this.element.dispatchEvent(new CustomEvent("labkit-live", { bubbles: true }));
  }

  end() {
    const { store } = this;
    store.listeners.delete(this.heard);
    for (const observer of [this.sight, this.size, this.theme]) observer.disconnect();
    document.removeEventListener("visibilitychange", this.looked);
    window.removeEventListener("keydown", this.guard, true);
    this.panel.end?.();
    store.displays.delete(this);
    store.tellSight();
  }

  dress() {
    const dark = isDark(this.element);
    this.element.classList.toggle("lk-dark", dark);
    this.panel.dress?.(dark);
    this.want();
  }

  /** Whether anybody can see it. */
  look(isIntersecting = this.isIntersecting ?? true) {
    this.isIntersecting = isIntersecting;
    const isInSight = isIntersecting && !document.hidden;
    if (isInSight === this.isInSight) return;
    this.isInSight = isInSight;
    if (!this.store.displays.has(this)) return;
    this.store.displays.set(this, isInSight);
    this.store.tellSight();
    if (isInSight) this.want();
  }

  /** Asks for a paint; however many ask, there is one a frame, and none out of sight. */
  want() {
    if (this.isDirty || !this.isInSight) return;
    this.isDirty = true;
    requestAnimationFrame(() => {
      this.isDirty = false;
      if (this.element.isConnected) this.paint();
    });
  }

  paint() {
    const { model } = this.store;
    const [state, reason] = model.get("status");
    const running = this.isRunning;
    say(this.title, model.get("title"));
    this.light.dataset.state = running ? state : "stopped";
    const isClosed = state === "closed";
    say(this.status, isClosed ? reason : !running ? "stopped" : state === "live" ? "" : `${state}: ${reason}`);
    this.toggle.disabled = this.marker.disabled = isClosed;
    const [stop, start] = this.panel.words ?? ["■ Stop", "▶ Start"];
    say(this.toggle, running ? stop : start);
    this.toggle.title = `${(running ? stop : start).slice(2)} (Space)`;
    const faults = Object.entries(model.get("faults")).slice(0, 5);
    const told = faults.map(([name, sentence]) => `${name} ${sentence}`);
    if (told.join("\n") !== this.told) {
      this.told = told.join("\n");
      this.faults.replaceChildren(...told.map((text) => h("li", {}, text)));
    }
    this.panel.paint();
    const { store } = this;
    const x = store.count ? store.columns[0][store.count - 1] : null;
    this.element.dispatchEvent(new CustomEvent("labkit-painted", { bubbles: true, detail: { x } }));
  }

  /** The page obeys at once; the kernel when it has time, which is after the cell that runs. */
  get isRunning() {
    return this.store.ui.isStopped === undefined ? this.store.model.get("running") : !this.store.ui.isStopped;
  }

  startOrStop() {
    const { store } = this;
    const stops = this.isRunning;
    store.ui.isStopped = stops;
    store.ui.frozenAt = stops ? store.columns[0][store.count - 1] : null;
    store.ask(stops ? "stop" : "start");
    store.notify();
  }

  mark() {
    const { store } = this;
    if (!store.count) return;
    const x = store.columns[0][store.count - 1];
    const marks = store.model.get("marks");
    const text = `${marks.length + 1}`;
    store.ui.mark = [x, text];
    store.ask("mark", { x, text });
    say(this.status, `marked ${timeOfDay(x)}`);
    store.notify();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select, textarea")) return;
    const onButton = event.target.matches("button, [role=button], summary, a");
    if (event.key === " " && !onButton) this.startOrStop();
    else if (event.key === "m" || event.key === "M") this.mark();
    else if (!this.panel.key?.(event.key, onButton)) return;
    event.preventDefault();
    event.stopPropagation();
  }
}
