// SPDX-License-Identifier: BSD-3-Clause
// What a watch finds: what is the matter now, when it was, and how much was judged.

import { h, say } from "./element.js";
import { PageWidget } from "./page_widget.js";

const SIGNS = { certain: "●", likely: "◐", possible: "○" };
const QUIET_MS = 5000; // it judges every second

export class TroubleView extends PageWidget {
  constructor(model, hasOutputs) {
    super(model, hasOutputs, { name: "lk-trouble", label: model.get("title"), traits: ["found", "judged"] });
    this.light = h("span", { class: "lk-light", "aria-hidden": "true" });
    this.status = h("span", { class: "lk-status", role: "status" });
    this.sum = h("p", { class: "lk-sum", role: "status" });
    this.amount = h("span", { class: "lk-faint" });
    this.now = h("div", { class: "lk-now", role: "list", "aria-label": "what is the matter now" });
    this.times = h("div", { class: "lk-times", role: "list", "aria-label": "when it was" });
    this.axis = h("div", { class: "lk-axis lk-faint", "aria-hidden": "true" }, h("span", {}), h("span", {}));
    this.when = h("div", { class: "lk-part", hidden: true }, h("h4", {}, "When, UTC"), this.times, this.axis);
    this.sources = h("tbody", {});
    this.element.append(
      h("div", { class: "lk-bar" }, this.light, h("strong", { class: "lk-title lk-name-of" }, model.get("title")),
        this.status, this.amount),
      this.sum, this.now, this.when,
      h("div", { class: "lk-part lk-wide" }, h("table", { class: "lk-table", "aria-label": "Sources" },
        h("thead", {}, h("tr", {}, ...["source", "judged", "state"].map((head) => h("th", { scope: "col" }, head)))),
        this.sources)),
    );
    this.news = () => (this.heardAt = performance.now());
    this.lost = () => {
      this.isGone = true;
      this.tellLife();
    };
  }

  begin() {
    this.news();
    this.model.on("change:judged", this.news);
    this.model.on("comm_live_update", this.lost); // ipywidgets tells it of a kernel that is restarted
    this.timer = setInterval(() => this.tellLife(), 1000);
    super.begin();
  }

  end() {
    super.end();
    clearInterval(this.timer);
    this.model.off("change:judged", this.news);
    this.model.off("comm_live_update", this.lost);
  }

  look(isIntersecting) {
    const wasInSight = this.isInSight;
    super.look(isIntersecting);
    if (this.isInSight && !wasInSight) this.news(); // out of sight less is told
  }

  /** Whether silence may be trusted. */
  tellLife() {
    const { state } = this.model.get("judged");
    const isRunning = state === "running";
    const quiet = performance.now() - this.heardAt;
    const isQuiet = this.isInSight && quiet > QUIET_MS;
    let told = isRunning ? "" : state;
    if (isRunning && this.isGone) told = "the kernel that watched is gone";
    else if (isRunning && isQuiet) told = `nothing was heard of it for ${Math.round(quiet / 1000)} s`;
    this.light.dataset.state = state === "stopped" ? state : told ? "gone" : "live";
    say(this.status, told);
  }

  paint() {
    const found = this.model.get("found");
    const judged = this.model.get("judged");
    this.tellLife();
    say(this.amount, `${judged.amount} judged, ${clock(judged.since)} to ${clock(judged.until)} UTC`);
    if (found !== this.shown) {
      this.shown = found;
      this.paintFound(found);
    }
    this.tellSum(found, judged);
    this.paintTimes(found, judged);
    this.sources.replaceChildren(...judged.sources.map(([label, amount, state, fault]) => h("tr", {},
      h("th", { scope: "row" }, label), h("td", {}, amount), h("td", { class: fault ? "lk-bad" : "lk-faint" }, state))));
  }

  paintFound(found) {
    const now = found.filter((one) => one.until === null);
    now.sort((a, b) => a.place - b.place);
    this.now.replaceChildren(...now.map(card));
    this.when.hidden = !found.length;
    this.bars = found.map((one) => new Bar(one));
    this.times.replaceChildren(...this.bars.map((bar) => bar.element));
  }

  /** Nothing: of all, or of what can be read. */
  tellSum(found, judged) {
    const lacks = judged.sources.some(([, , , fault]) => fault);
    const nothing = found.length ? "nothing is the matter now" : "nothing was found so far";
    say(this.sum, lacks ? `⚠ ${nothing}, but not all sources can be read` : `✓ ${nothing}`);
    this.sum.classList.toggle("lk-lacks", lacks);
    this.sum.hidden = found.some((one) => one.until === null);
  }

  paintTimes(found, judged) {
    const first = Math.min(judged.since, ...found.map((one) => one.since));
    const [begin, end] = this.axis.children;
    say(begin, clock(first));
    say(end, clock(judged.until));
    for (const bar of this.bars) bar.paint(first, judged.until);
  }
}

/** Its level, its name, where it is, and when. */
function head(one, when) {
  return h("div", { class: "lk-bar" },
    h("span", { class: "lk-level", "data-level": one.level }, `${SIGNS[one.level]} ${one.level}`),
    h("span", { class: "lk-name-of" }, h("span", { class: "lk-what" }, one.title), one.device ? h("span", { class: "lk-device" }, one.device) : null),
    when);
}

/** What is the matter now. */
function card(one) {
  const decides = one.decides.length
    ? h("details", {}, h("summary", {}, "what would decide"), h("ul", {}, ...one.decides.map((text) => h("li", {}, text))))
    : null;
  return h("div", { class: "lk-card", "data-level": one.level, role: "listitem" },
    head(one, h("span", { class: "lk-faint" }, `since ${clock(one.since)}`)),
    ...one.evidence.map((text) => h("code", { class: "lk-seen" }, text)),
    h("div", {}, h("b", {}, "Remedy: "), one.remedy), decides);
}

/** When a finding was there, over the time that was judged. */
class Bar {
  constructor(one) {
    this.one = one;
    this.span = h("span", { class: "lk-span", "data-level": one.level });
    const ends = `${clock(one.since)} – ${one.until === null ? "now" : clock(one.until)}`;
    this.element = h("div", { class: one.until === null ? "" : "lk-over", role: "listitem" },
      head(one, h("span", { class: "lk-ends" }, ends)),
      h("div", { class: "lk-track", "aria-hidden": "true" }, this.span));
  }

  paint(first, last) {
    const { since, until } = this.one;
    const share = (x) => (last > first ? (100 * (x - first)) / (last - first) : 0);
    this.span.style.left = `min(${share(since)}%, 100% - 4px)`;
    this.span.style.width = `${Math.max(share(until ?? last) - share(since), 0)}%`;
  }
}

/** The time of day, UTC as in logs. */
function clock(seconds) {
  return new Date(seconds * 1000).toISOString().slice(11, 19);
}
