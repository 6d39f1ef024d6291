# SPDX-License-Identifier: BSD-3-Clause
"""lk.panel(traffic): live traffic with its controls, a row a flow."""

import time
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import traitlets

from labkit.errors import LabError
from labkit.lab.flows.flow import Flow
from labkit.lab.flows.table import row_of
from labkit.lab.flows.traffic import Traffic
from labkit.sources import Rates, Sample, Schema, SourceError
from labkit.sources import Traffic as TrafficSource
from labkit.text import MISSING, html_table
from labkit.units import plain
from labkit.widgets.chart import Chart
from labkit.widgets.displays import display_parts
from labkit.widgets.feed import table
from labkit.widgets.flow_controls import FlowControls
from labkit.widgets.flow_numbers import COLUMNS, FlowNumbers
from labkit.widgets.lines import Message

MOST_LINES = 8  # that are drawn before others are chosen: four flows
SAID_SECONDS = 2.0
TREND_POINTS = 60  # of the small curves of a page that is new


class Panel(Chart):
    """Live traffic with its controls: see lk.panel()."""

    parts = traitlets.Dict().tag(sync=True)

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self._flows: list[Flow] = []
        self._layout = 0
        self._short: list[str] = []
        self._said: dict[str, tuple[str, float]] = {}  # why a rate was not reached, and when
        self._rows: list[dict[str, Any]] = []
        self._controls = FlowControls(traffic, self._is_done)
        super().__init__(traffic, (), f"Live traffic of engine {traffic.lab.pid}", kind="traffic")

    def _choose(self, schema: Schema) -> list[str]:
        self._lay_out()
        if self._patterns:
            return super()._choose(schema)
        usual = (f"{flow.name}/{name}" for flow in self._flows for name in ("sent", "received"))
        return [name for name in usual if name in schema.index][:MOST_LINES]

    def _lay_out(self) -> None:
        """Says which flows there are, where that changed."""
        flows = list(self.traffic.flows.values())
        if flows == self._flows and self._layout:
            return
        self._flows = flows
        self._layout += 1
        told = [
            {"name": f.name, "from": f.on.name, "to": [port.name for port in f.to]} for f in flows
        ]
        self.parts = {"layout": self._layout, "columns": list(COLUMNS), "flows": told}

    # What a message carries

    def _numbers(self, mean: Rates, before: Sample, after: Sample) -> Message:
        if mean.schema is not self._schema:
            return {}, []
        content, _ = super()._numbers(mean, before, after)
        source = self._feed.source
        assert isinstance(source, TrafficSource)
        found = FlowNumbers.of(source)
        if found is None or len(found.short) != len(self._flows):
            return content, []
        self._short = self._keep(found.short)
        rows = self._told()
        if rows != self._rows:
            self._rows = rows
            content["rows"] = rows
        content["layout"] = self._layout
        content["flow_seconds"] = found.seconds
        return content, [found.values.tobytes()]

    def _keep(self, short: list[str]) -> list[str]:
        """A sentence stays for a while, so that rows do not jump."""
        now, told = time.monotonic(), []
        for flow, said in zip(self._flows, short, strict=True):
            if said:
                self._said[flow.name] = said, now
            last, when = self._said.get(flow.name, ("", now))
            told.append(last if now - when < SAID_SECONDS else "")
        return told

    def _told(self) -> list[dict[str, Any]]:
        """What stands in words in each row."""
        short = self._short if len(self._short) == len(self._flows) else [""] * len(self._flows)
        return [
            {
                "rate": None if flow.rate is None else str(flow.rate),
                "value": None if flow.rate is None else flow.rate.value,
                "unit": "pps" if flow.rate is None else flow.rate.unit,
                "layer": 2 if flow.rate is None else flow.rate.layer,
                "short": said,
                "error": self._controls.errors.get(flow.name, ""),
            }
            for flow, said in zip(self._flows, short, strict=True)
        ]

    def _send_points(self, message: Message) -> None:
        content, points = message
        if content["type"] == "seed":
            self._rows = self._told()
            content |= {"layout": self._layout, "rows": self._rows, "trend": self._trend()}
        super()._send_points((content, points))

    def _trend(self) -> list[list[list[float | None]]]:
        """Frames sent and received a second so far, by flow: two means a second of the latest."""
        points = self._feed.after(self._feed.number - 5 * TREND_POINTS)
        names = [f"{flow.name}/{name}" for flow in self._flows for name in ("sent", "received")]
        _, values = table(points, names)
        whole = len(values) // 5 * 5
        means = values[len(values) - whole :].reshape(-1, 5, len(names)).mean(axis=1)
        told: list[list[float | None]] = [
            [None if np.isnan(value) else round(float(value)) for value in column]
            for column in means.T
        ]
        return [told[i : i + 2] for i in range(0, len(told), 2)]

    # What the page asks

    def _ask(self, content: dict[str, Any]) -> None:
        if content.get("type") == "flow":
            self._controls.ask(content)
        else:
            super()._ask(content)

    def _is_done(self, name: str, asked: Sequence[dict[str, Any]]) -> None:
        """In the thread of the controls."""
        with self._lock:
            self._rows = self._told()
            self.send(
                {
                    "type": "done",
                    "asked": [[content.get("page"), content.get("number")] for content in asked],
                    "flow": name or None,
                    "layout": self._layout,
                    "rows": self._rows,
                    "error": self._controls.errors.get("", ""),
                }
            )

    # What stays

    def _html(self) -> str:
        return flow_table(self.traffic)


def flow_table(traffic: Traffic) -> str:
    """What the flows counted: what a notebook keeps of them."""
    try:
        reading = traffic.readings.read()
    except LabError:  # the engine died, and took them with it
        return ""
    columns = ("sent", "received", "lost", "unsent")
    rows = []
    flows = list(traffic.flows.values())
    table = traffic.readings.told_in(flows, reading)
    for n, flow in enumerate(flows):
        told = row_of(table.iloc[n : n + 1])
        to = ", ".join(port.name for port in flow.to)
        rate = "as fast as it goes" if flow.rate is None else str(flow.rate)
        times = (told["latency_avg_ns"], told["latency_max_ns"])
        rows.append(
            (
                *(flow.name, f"{flow.on.name} → {to}", told["state"], rate),
                *(MISSING if told[name] is None else f"{told[name]:,}" for name in columns),
                *(MISSING if ns is None else f"{plain(ns / 1e3, 3)} µs" for ns in times),
            )
        )
    if not rows:
        return ""
    head = ("flow", "from → to", "state", "rate", *columns, "mean latency", "longest")
    return html_table(head, rows, "llllrrrrrr")


_shown: "WeakKeyDictionary[Traffic, Panel]" = WeakKeyDictionary()


def show(traffic: Traffic) -> None:
    """Shows a traffic in a notebook: one panel in all cells; a table once it is closed."""
    view = _shown.get(traffic)
    if view is None or not view.is_open:
        try:
            view = _shown[traffic] = Panel(traffic)
        except SourceError:
            _show_table(traffic)
            return
    view._ipython_display_()


def _show_table(traffic: Traffic) -> None:
    from IPython.display import display  # late: where there is a notebook, it is loaded

    display(display_parts(repr(traffic), "flows", {}, None, flow_table(traffic)), raw=True)
