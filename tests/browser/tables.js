// SPDX-License-Identifier: BSD-3-Clause
// What is wrong with the tables of a page: columns out of reach, digits to the left, names broken.

(within) => {
  const faults = [];
  const isNumber = (text) => /^[+−-]?[\d,]*\.?\d+( (%|µs|s))?$/.test(text);
  const scroller = (element) => {
    for (let box = element.parentElement; box; box = box.parentElement) {
      if (["auto", "scroll"].includes(getComputedStyle(box).overflowX)) return box;
    }
    return document.scrollingElement;
  };
  const tables = [...document.querySelectorAll(`${within} table`)].filter((table) => table.rows.length);
  for (const [number, table] of tables.entries()) {
    const box = scroller(table);
    const tell = (what) => faults.push(`table ${number} (${table.innerText.slice(0, 40).replace(/\s+/g, " ")}): ${what}`);
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]).filter((row) => row.cells.length > 1 || table.rows.length === 1);
    const width = Math.max(...rows.map((row) => row.cells.length), 0);
    const isWide = box.scrollWidth > box.clientWidth + 1;
    const before = rows[0]?.cells[0].getBoundingClientRect().left;
    box.scrollLeft = box.scrollWidth;
    const last = rows.find((row) => row.cells.length === width)?.cells[width - 1];
    if (last) {
      last.scrollIntoView({ block: "center", inline: "nearest" });
      box.scrollLeft = box.scrollWidth;
      const place = last.getBoundingClientRect();
      const seen = document.elementFromPoint(place.right - 4, (place.top + place.bottom) / 2);
      if (!seen || !last.contains(seen)) tell(`its last column is out of reach at ${Math.round(place.right)} px`);
    }
    const first = rows[0]?.cells[0];
    if (first && isWide && width >= 3 && getComputedStyle(first).position === "sticky") {
      if (Math.abs(first.getBoundingClientRect().left - before) > 1) tell("its first column goes away");
      if (/rgba\(.*, 0\)|transparent/.test(getComputedStyle(first).backgroundColor)) tell("its first column shows what is below");
      table.dataset.stays = "yes";
    }
    box.scrollLeft = 0;
    for (let i = 0; i < width; i += 1) {
      const cells = rows.filter((row) => row.cells.length === width).map((row) => row.cells[i]);
      const texts = cells.map((cell) => cell.innerText.trim());
      const told = texts.filter((text) => text !== "–" && text !== "…");
      if (told.length && told.every(isNumber) && cells.some((cell) => !["right", "end"].includes(getComputedStyle(cell).textAlign))) tell(`digits of column ${i} are not to the right`);
      for (const cell of cells) {
        if (cell.children.length || cell.innerText.length > 40 || !cell.innerText.trim()) continue;
        const range = document.createRange();
        range.selectNodeContents(cell);
        const lines = new Set([...range.getClientRects()].map((line) => Math.round(line.top)));
        if (lines.size > 1) tell(`"${cell.innerText}" is broken over ${lines.size} lines`);
      }
      for (const text of texts) if (/\bnan\b|<NA>|^None$|^NaT$|not (available|reported)|\d[eE][+-]?\d\d/.test(text)) tell(`"${text}"`);
    }
    table.dataset.fits = isWide ? "no" : "yes";
  }
  const fits = tables.map((table) => table.dataset.fits === "yes");
  const stays = tables.map((table) => table.dataset.stays === "yes");
  return { faults, fits, stays, count: tables.length };
}
