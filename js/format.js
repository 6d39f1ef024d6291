// SPDX-License-Identifier: BSD-3-Clause
// Numbers as people read them; what is not known is labkit.text.MISSING.

export const NO_VALUE = "–";
const PREFIXES = ["", "k", "M", "G", "T", "P", "E"];

/** Three digits and an SI prefix: 45.6 k, 1.23 M. Below 1000 as it is, and never 0 where it is more. */
export function si(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return NO_VALUE;
  let size = Math.abs(value);
  let step = 0;
  while (size >= 999.5 && step < PREFIXES.length - 1) {
    size /= 1000;
    step += 1;
  }
  const small = size > 0 && size < 0.1 ? Math.min(1 - Math.floor(Math.log10(size)), 20) : 2;
  const digits = step === 0 && Number.isInteger(value) ? 0 : size < 9.995 ? small : size < 99.95 ? 1 : 0;
  const fixed = size.toFixed(digits);
  const text = step === 0 && digits ? fixed.replace(/\.?0+$/, "") : fixed;
  return (value < 0 ? "−" : "") + text + (step ? ` ${PREFIXES[step]}` : "");
}

/** With a unit: 1.23 Mpackets/s reads badly, so packets a second are pps. */
export function quantity(value, unit) {
  if (unit === "ns") return duration(value);
  const text = si(value);
  const short = unit === "packets/s" ? "pps" : unit;
  if (!short || text === NO_VALUE) return text;
  return /[A-Za-z]$/.test(text) ? text + short : `${text} ${short}`;
}

/** Nanoseconds: 870 ns, 12.3 µs, 1.40 ms. */
export function duration(ns) {
  if (ns === null || ns === undefined || Number.isNaN(ns)) return NO_VALUE;
  let step = 0;
  let size = ns;
  while (Math.abs(size) >= 999.5 && step < 3) {
    size /= 1000;
    step += 1;
  }
  const digits = step === 0 ? 0 : size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
  return `${size.toFixed(digits)} ${["ns", "µs", "ms", "s"][step]}`;
}

/** A load that somebody chooses, without zeros that say nothing: 250 kpps, 1.25 Mpps, 50 %. */
export function load(value, unit, layer = 2) {
  if (unit === "%") return `${+value.toPrecision(4)} %`;
  let step = 0;
  let size = value;
  while (size >= 999.95 && step < 4) {
    size /= 1000;
    step += 1;
  }
  return `${+size.toPrecision(4)} ${PREFIXES[step]}${unit}${layer === 1 ? " L1" : ""}`;
}

export function timeOfDay(x) {
  const date = new Date(x * 1000);
  const two = (n) => String(n).padStart(2, "0");
  const tenth = Math.floor(date.getMilliseconds() / 100);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${tenth}`;
}
