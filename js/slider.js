// SPDX-License-Identifier: BSD-3-Clause
// A rate: a slider in powers of ten around what it is, and a field to type it.

import { h } from "./element.js";
import { load } from "./format.js";

const DECADES = [-2, 1]; // below and above the rate around which the slider lies
const STEP = 0.01;
const MOST = { pps: 200e6, "bit/s": 800e9, "%": 100 };
const PAUSE_MS = 100; // between two moves that are sent

export class Slider {
  /** send(text): tells the kernel; returns the number of the message */
  constructor(name, send) {
    this.send = send;
    this.asked = null; // what the kernel has not done yet
    this.next = null; // what is to be sent then: the last move wins
    this.sentAt = -1e9;
    this.element = h("input", {
      class: "lk-slider", type: "range", step: STEP, "aria-label": `rate of ${name}`,
      oninput: () => this.moved(), onchange: () => this.centre(),
      onpointerdown: () => (this.isHeld = true), onpointerup: () => (this.isHeld = false), onpointercancel: () => (this.isHeld = false),
    });
    this.input = h("input", {
      class: "lk-search lk-rate-text", type: "text", size: "11", spellcheck: "false", autocomplete: "off",
      "aria-label": `rate of ${name}, typed`, title: 'such as 250 kpps, 1 Gbit/s, 50 %; "max": as fast as the port takes frames',
      oninput: () => (this.isTyping = true),
      onkeydown: (event) => this.key(event),
      onblur: () => this.typed(),
    });
  }

  /** What the kernel says that it is. */
  tell(told) {
    const { rate, value, unit, layer, error } = (this.told = told);
    this.unit = unit;
    this.layer = layer;
    this.input.setAttribute("aria-invalid", String(Boolean(error) && this.isWrong === true));
    if (this.asked !== null || this.next !== null || this.isHeld) return; // it is on its way
    if (error && this.isWrong) return; // what was typed stays, to be mended
    this.isWrong = false;
    const changed = value !== this.value;
    this.value = value;
    this.element.disabled = value === null;
    if (!this.isTyping) this.input.value = rate === null ? "max" : load(value, unit, layer);
    if (value === null) this.element.setAttribute("aria-valuetext", "as fast as it goes");
    else if (changed || this.low === undefined) this.show(value);
  }

  show(value) {
    const place = Math.log10(value);
    const isOutside = this.low === undefined || place < this.low + STEP || place > this.high - STEP;
    if (isOutside || this.unitShown !== this.unit) this.lay(value);
    this.element.value = String(place);
    this.element.setAttribute("aria-valuetext", load(value, this.unit, this.layer));
  }

  /** Lays its ends around a value. */
  lay(value) {
    const place = Math.log10(value);
    this.unitShown = this.unit;
    this.low = place + DECADES[0];
    this.high = Math.min(place + DECADES[1], Math.log10(MOST[this.unit]));
    this.element.min = this.low;
    this.element.max = this.high;
    const ends = [this.low, this.high].map((at) => load(10 ** at, this.unit, this.layer));
    this.element.title = `${ends[0]} to ${ends[1]}`;
  }

  moved() {
    const value = +(10 ** +this.element.value).toPrecision(3);
    const text = load(value, this.unit, this.layer);
    this.value = value;
    this.isTyping = this.isWrong = false;
    this.input.value = text;
    this.element.setAttribute("aria-valuetext", text);
    this.ask(text);
  }

  /** At an end: it lies around the new value, so that it goes on from there. */
  centre() {
    this.isHeld = false;
    const place = +this.element.value;
    if (place <= this.low + 2 * STEP || place >= this.high - 2 * STEP) {
      this.lay(this.value);
      this.element.value = String(Math.log10(this.value));
    }
    if (this.told) this.tell(this.told); // it did not listen while it was held
  }

  key(event) {
    if (event.key === "Enter") this.typed();
    else if (event.key === "Escape") {
      this.isTyping = this.isWrong = false;
      this.input.value = this.value === null ? "max" : load(this.value, this.unit, this.layer);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  typed() {
    if (!this.isTyping) return;
    this.isTyping = false;
    this.isWrong = true; // until the kernel has taken it
    this.ask(this.input.value);
  }

  ask(text) {
    this.next = text;
    if (this.asked !== null) return;
    const wait = this.sentAt + PAUSE_MS - performance.now();
    if (wait > 0) {
      this.timer ??= setTimeout(() => this.go(), wait);
    } else this.go();
  }

  go() {
    clearTimeout(this.timer);
    this.timer = null;
    if (this.next === null || this.asked !== null) return;
    this.sentAt = performance.now();
    this.asked = this.send(this.next);
    this.next = null;
  }

  /** The kernel has done these; store.rows tells how it went. */
  isDone(numbers) {
    if (!numbers.has(this.asked)) return;
    this.asked = null;
    if (this.next !== null) this.ask(this.next);
  }
  /** Nobody does what it asked: it shows what the kernel told last. */
  forget() {
    this.asked = this.next = null;
    this.isTyping = this.isWrong = false;
    if (this.told) this.tell(this.told);
  }
}
