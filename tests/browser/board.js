// SPDX-License-Identifier: BSD-3-Clause
// Of a dashboard: its legend, its table of ports, and how many pixels of its chart have the colour
// of each line.
(view) => {
  const text = (element) => element.textContent;
  const of = (row, name) => text(row.querySelector(name));
  const lines = [...view.querySelectorAll(".lk-line")];
  const rows = [...view.querySelectorAll("table[aria-label=Ports] tbody tr")];
  const canvas = view.querySelector("canvas");
  const area = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const pixels = (line) => {
    const stroke = getComputedStyle(line.querySelector("line")).stroke.match(/\d+/g).map(Number);
    let count = 0;
    for (let i = 0; i < area.length; i += 4) {
      const off = stroke.map((part, k) => Math.abs(area[i + k] - part));
      count += area[i + 3] > 200 && Math.max(...off) < 6;
    }
    return count;
  };
  return {
    when: of(view, ".lk-when"),
    legend: Object.fromEntries(lines.map((line) => [of(line, ".lk-name"), of(line, ".lk-value")])),
    ports: Object.fromEntries(rows.map((row) => [
      row.querySelector("th").firstChild.data, [...row.querySelectorAll("td")].map(text),
    ])),
    alike: lines.map((line) => of(line, ".lk-alike")),
    pixels: lines.map(pixels),
  };
}
