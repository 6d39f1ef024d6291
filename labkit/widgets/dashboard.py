# SPDX-License-Identifier: BSD-3-Clause
"""lk.dashboard(lab): ports, workers, mempools and paths of a lab, live."""

from typing import Any, Literal, get_args

import traitlets

from labkit.arguments.checked import checked
from labkit.lab.lab import Lab
from labkit.sources import MISSING as NOT_TOLD
from labkit.sources import Rates, Sample, Schema, select
from labkit.text import MISSING, html_table
from labkit.widgets import lab_parts
from labkit.widgets.lines import Message
from labkit.widgets.meters import Meters
from labkit.widgets.paths import PathPart
from labkit.widgets.tracing import Tracing
from labkit.widgets.view import LiveView

Part = Literal["chart", "ports", "workers", "pools", "paths"]
PARTS: tuple[Part, ...] = get_args(Part)
LINES = ("port/*/rx_good_packets", "port/*/tx_good_packets")
MOST_LINES = 8


@checked()
def dashboard(lab: Lab, *parts: Part) -> "Dashboard":
    """A live view: rates of ports, busy share of workers, mempools, paths with their drops.

    parts: some of "chart", "ports", "workers", "pools", "paths"; none means all of them. It moves
    while cells run, closes with the lab, and leaves a static picture in the notebook.
    """
    return Dashboard(lab, parts)


class Dashboard(LiveView):
    """A lab live: see lk.dashboard()."""

    parts = traitlets.Dict().tag(sync=True)

    def __init__(self, lab: Lab, shown: tuple[str, ...]) -> None:
        self.lab = lab
        self._shown = shown or PARTS
        self._meters = Meters()
        self._paths: list[PathPart] = []
        self._layout = 0
        self._tracing = Tracing(lab, self.send)
        super().__init__(lab, "dashboard", f"Lab, {lab.dpdk_version}")

    def _choose(self, schema: Schema) -> list[str]:
        self._lay_out(schema)
        if "chart" not in self._shown:
            return []
        return select(schema.names, LINES, must=False)[:MOST_LINES]

    def _lay_out(self, schema: Schema) -> None:
        """Says what there is to show, and where in a message of this layout its numbers are."""
        meters = Meters()
        running = self.lab.all_paths() if "paths" in self._shown else []
        known = {part.path: part.refused for part in self._paths}
        self._paths = [
            PathPart(path, meters, schema, known.get(path.path, {}))
            for path in running
            if PathPart.is_counted(path, schema)
        ]
        parts: dict[str, Any] = {
            "shown": list(self._shown),
            "ports": lab_parts.ports(self.lab, meters, schema),
            "workers": lab_parts.workers(self.lab, meters, schema),
            "pools": lab_parts.pools(meters, schema),
            "paths": [part.description for part in self._paths],
        }
        self._meters = meters
        self._layout += 1
        told = ("shown", *self._shown)
        self.parts = {
            "layout": self._layout,
            **{key: value for key, value in parts.items() if key in told},
        }

    def _numbers(self, mean: Rates, before: Sample, after: Sample) -> Message:
        if mean.schema is not self._schema:
            return {}, []
        more = [part.learn(after) for part in self._paths]
        if any(more):
            self._lay_out(mean.schema)
        extra, _ = super()._numbers(mean, before, after)
        extra["layout"] = self._layout
        extra["flows"] = [part.flows(before, after) for part in self._paths]
        return extra, [self._meters.read(mean.schema, mean.values).tobytes()]

    def _ask(self, content: dict[str, Any]) -> None:
        if content.get("type") == "trace":
            self._tracing.begin()
        else:
            super()._ask(content)

    def _html(self) -> str:
        sample = self._feed.sample
        drawn = "".join(part.html(sample) for part in self._paths)
        if sample is None:
            return drawn
        return _port_table(sample) + drawn


def _port_table(sample: Sample) -> str:
    """What the ports have counted: what a static picture can tell."""
    columns = ("rx_good_packets", "tx_good_packets", "rx_good_bytes", "tx_good_bytes")
    ports = dict.fromkeys(n.split("/")[1] for n in sample.names if n.startswith("port/"))
    if not ports:
        return ""
    rows = [
        (port, *(_cell(sample, f"port/{port}/{column}") for column in columns)) for port in ports
    ]
    return html_table(("port", *columns), rows, "lrrrr")


def _cell(sample: Sample, name: str) -> str:
    is_told = name in sample.schema.index and sample[name] != NOT_TOLD
    return f"{sample[name]:,}" if is_told else MISSING
