// SPDX-License-Identifier: BSD-3-Clause
// The entry: anywidget calls initialize once a view, render once a display.

import uplotStyle from "uplot/dist/uPlot.min.css";
import packetStyle from "./packets.css";
import ownStyle from "./style.css";
import { Dashboard } from "./dashboard.js";
import { ChartPanel } from "./chart.js";
import { ExplorerView } from "./explorer.js";
import { takeOutputs } from "./displays.js";
import { LabsView } from "./labs.js";
import { PacketPane } from "./packets.js";
import { TablesView } from "./tables.js";
import { TrafficPanel } from "./traffic.js";
import { TroubleView } from "./trouble.js";
import { View } from "./view.js";
import { Store } from "./store.js";

// Widgets without points
const WIDGETS = {
  explorer: ExplorerView,
  labs: LabsView,
  packets: PacketPane,
  tables: TablesView,
  trouble: TroubleView,
};
const PANELS = { dashboard: Dashboard, traffic: TrafficPanel };

function addStyle() {
  if (document.getElementById("labkit-style")) return;
  const style = document.createElement("style");
  style.id = "labkit-style";
  style.textContent = uplotStyle + ownStyle + packetStyle;
  document.head.append(style);
}

function show(view, el) {
  el.append(view.element);
  view.begin();
  return () => view.end();
}

export default () => {
  let hasOutputs = false;
  let store = null;
  return {
    initialize({ model }) {
      hasOutputs = takeOutputs(model);
      if (!WIDGETS[model.get("kind")]) store = new Store(model, hasOutputs);
    },
    render({ model, el }) {
      addStyle();
      const Widget = WIDGETS[model.get("kind")];
      if (Widget) return show(new Widget(model, hasOutputs), el);
      const Panel = PANELS[store.model.get("kind")] ?? ChartPanel;
      return show(new View(store, (paint) => new Panel(store, paint)), el);
    },
  };
};
