# SPDX-License-Identifier: BSD-3-Clause
"""The lab as a picture and a table: ports, paths, counters."""

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.lab.drawing import PortView, lab_svg
from labkit.lab.port import Port
from labkit.lab.port_declaration import losses_in
from labkit.lab.running_path import RunningPath
from labkit.path.svg import picture_parts
from labkit.text import Row, html_table


def overview(
    ports: Mapping[str, Port], running: Sequence[RunningPath], text: str, told: str
) -> dict[str, Any]:
    """Ports and paths drawn, drops by name, and every node's counters below, by MIME type.

    What an engine that is gone cannot tell is what it told last.

    text: what stands for the picture where it cannot be shown
    told: what to say of numbers that are not of now
    """
    views = []
    for port in ports.values():
        info, stats = port.last_known()
        views.append(
            PortView(
                name=port.name,
                kind=port.declaration.device.kind,
                mac=info.mac,
                mtu=info.mtu,
                link=info.link_up,
                rx_packets=stats.get("rx_good_packets"),
                tx_packets=stats.get("tx_good_packets"),
                peer=port.declaration.peer,
                losses=losses_in(info.driver, stats),
            )
        )
    paths = [path.path for path in running]
    readings = {path.name: path.last_counters()[0] for path in running}
    counters = {name: reading for name, reading in readings.items() if reading is not None}
    rows: list[Sequence[str] | Row] = []
    for path in running:
        if path.name not in counters:
            continue
        for name, node in counters[path.name].nodes.items():
            cost = node.cycles_per_packet
            rows.append((path.name, name, f"{node.objects:,}", f"{cost:,.0f}" if cost else ""))
        for name, frames in counters[path.name].drops.items():
            rows.append(Row((path.name, name, f"{frames:,}", ""), "#b3261e"))
    table = html_table(("path", "node", "frames", "cycles a frame"), rows, "llrr")
    details = f"<details><summary>counters of every node</summary>{table}</details>"
    return picture_parts(lab_svg(views, paths, counters), text, told, details)
