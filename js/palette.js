// SPDX-License-Identifier: BSD-3-Clause
// Colours and dashes of lines, as in labkit/figure/theme.py: neighbours differ in both.

const LIGHT = ["#004f8c", "#c44600", "#00a274", "#1f2328", "#b5478f", "#8a6d00", "#2e9bd0"];
const DARK = ["#4b8fe0", "#f09a50", "#5feec4", "#ffffff", "#c96bab", "#c9a800", "#9ad8ff"];
const DASHES = [[], [10, 4], [3, 3], [10, 3, 3, 3]];
const TURN = 9;

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

/** The dashes of a line; of one that hides others, or is hidden, its turn among them. */
export function dash(line, [turn, among] = [0, 1]) {
  if (among === 1) return DASHES[line % DASHES.length];
  return [0, TURN * turn, TURN, TURN * (among - 1 - turn)];
}
