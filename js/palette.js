// SPDX-License-Identifier: BSD-3-Clause
// Okabe and Ito's colours, told apart by colour-blind readers; a second set for dark grounds.

const LIGHT = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b07800", "#2f9fd6", "#1f2328"];
const DARK = ["#56b4e9", "#ff8c42", "#2fd6a8", "#e8a5cb", "#f0c94a", "#8fd3ff", "#e6edf3"];
const DASHES = [[], [8, 4], [2, 3], [8, 3, 2, 3]];

export function isDark(element) {
  const jupyter = document.body.dataset.jpThemeLight;
  if (jupyter) return jupyter === "false";
  const ground = getComputedStyle(element.ownerDocument.body).backgroundColor.match(/\d+/g) ?? [];
  if (ground.length >= 3 && ground[3] !== "0") return ground.slice(0, 3).reduce((a, b) => a + +b, 0) < 384;
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

export function stroke(line, dark) {
  const colours = dark ? DARK : LIGHT;
  return colours[line % colours.length];
}

export function dash(line) {
  return DASHES[Math.floor(line / LIGHT.length) % DASHES.length];
}
