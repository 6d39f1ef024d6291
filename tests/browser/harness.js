// SPDX-License-Identifier: BSD-3-Clause
// A page with one live view and no Jupyter: the test is the kernel.

async (bundle) => {
  const url = URL.createObjectURL(new Blob([bundle], { type: "text/javascript" }));
  const { default: widget } = await import(url);
  const listeners = {};
  const lines = (version, names) => ({
    version,
    items: names.map((name) => ({ name, unit: name.endsWith("bytes") ? "bytes/s" : "packets/s", meaning: `${name} means this` })),
  });
  const state = {
    kind: "chart", title: "a view", running: true, status: ["live", ""], faults: {}, marks: [],
    lines: lines(1, ["rx_packets", "tx_packets"]),
    names: ["rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "pool/in_use"],
    ...window.initial, // what a test wants otherwise
  };
  window.kernel = {
    sent: [],
    painted: 0,
    first: 0,
    start: Math.floor(Date.now() / 1000) - 1000,
    set(name, value) {
      state[name] = value;
      for (const listener of listeners[`change:${name}`] ?? []) listener();
    },
    lines,
    /** A message with points of a few rows, as the kernel makes it; value(row, line). */
    feed(rows, value, type = "points", first = this.first) {
      const width = state.lines.items.length;
      const times = Float64Array.from({ length: rows }, (_, i) => this.start + (first + i) / 10);
      const values = Float32Array.from({ length: rows * width }, (_, i) => value(first + Math.floor(i / width), i % width));
      this.first = first + rows;
      const buffers = [times, values].map((array) => new DataView(array.buffer));
      for (const listener of listeners["msg:custom"]) listener({ type, version: state.lines.version, first }, buffers);
    },
  };
  /** Any other message. */
  window.kernel.tell = (message) => {
    for (const listener of listeners["msg:custom"]) listener(message, []);
  };
  /** What ipywidgets tells when the kernel is restarted. */
  window.kernel.restart = () => {
    for (const listener of listeners.comm_live_update ?? []) listener();
    model.send = () => {
      throw new Error("Cannot send");
    };
  };
  /** A message with the numbers of a dashboard and no points. */
  window.kernel.numbers = (values, layout = state.parts.layout) => {
    const buffers = [[], [], values].map((list) => new DataView(Float64Array.from(list).buffer));
    const message = { type: "points", version: state.lines.version, first: 0, layout, flows: [] };
    for (const listener of listeners["msg:custom"]) listener(message, buffers);
  };
  const model = {
    get: (name) => state[name],
    on: (event, listener) => (listeners[event] ??= []).push(listener),
    off: (event, listener) => (listeners[event] = (listeners[event] ?? []).filter((other) => other !== listener)),
    send: (message) => window.kernel.sent.push(message),
  };
  document.addEventListener("labkit-painted", () => (window.kernel.painted += 1));
  const view = widget();
  view.initialize({ model });
  window.kernel.remove = view.render({ model, el: document.getElementById("view") });
}
