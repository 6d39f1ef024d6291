// SPDX-License-Identifier: BSD-3-Clause
// What views without a chart have in common: their dress, whether they are in sight, and when the
// kernel was heard, so that the output around them knows whether to show them or the picture.

import { h } from "./element.js";
import { isDark } from "./palette.js";

export class PageWidget {
  /** traits: those of the model that it paints */
  constructor(model, hasOutputs, { name, label, traits }) {
    this.model = model;
    this.hasOutputs = hasOutputs;
    this.page = Math.random().toString(36).slice(2);
    this.asked = 0; // messages: the kernel may handle them in another order
    this.isInSight = true;
    this.element = h("section", { class: `lk-view ${name}`, "aria-label": label });
    this.traits = traits;
    this.changed = () => {
      this.heard(); // while a cell runs a kernel tells, and answers later
      this.want();
    };
    this.looked = () => this.look();
    this.heard = () => {
      if ("live" in this.element.dataset) return;
      this.element.dataset.live = "";
      this.element.dispatchEvent(new CustomEvent("labkit-live", { bubbles: true }));
    };
  }

  begin() {
    for (const trait of this.traits) this.model.on(`change:${trait}`, this.changed);
    this.model.on("msg:custom", this.heard);
    this.theme = new MutationObserver(() => this.dress());
    this.theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
    this.sight = new IntersectionObserver((entries) => this.look(entries[entries.length - 1].isIntersecting));
    this.sight.observe(this.element);
    document.addEventListener("visibilitychange", this.looked);
    this.dress();
    this.ask("ready");
    this.paint();
  }

  end() {
    for (const trait of this.traits) this.model.off(`change:${trait}`, this.changed);
    this.model.off("msg:custom", this.heard);
    this.theme.disconnect();
    this.sight.disconnect();
    document.removeEventListener("visibilitychange", this.looked);
    this.ask("removed");
  }

  dress() {
    this.element.classList.toggle("lk-dark", isDark(this.element));
  }

  /** Tells the kernel, which sends less to a page that nobody sees. */
  look(isIntersecting = this.isIntersecting ?? true) {
    this.isIntersecting = isIntersecting;
    const isInSight = isIntersecting && !document.hidden;
    if (isInSight === this.isInSight) return;
    this.isInSight = isInSight;
    this.ask(isInSight ? "shown" : "hidden");
    this.want();
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

  ask(type, more = {}) {
    try {
      this.model.send({ type, page: this.page, number: ++this.asked, hasOutputs: this.hasOutputs, ...more });
    } catch {
      // The kernel was restarted: nobody is left to ask.
    }
  }
}
