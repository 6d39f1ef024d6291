# SPDX-License-Identifier: BSD-3-Clause
"""The lab as a picture and a table: ports, paths, counters."""

from collections.abc import Mapping, Sequence

from labkit.lab.drawing import PortView, lab_svg
from labkit.lab.port import Port
from labkit.lab.port_declaration import losses_in
from labkit.lab.running_path import RunningPath
from labkit.path.counters import PathCounters
from labkit.path.svg import as_html
from labkit.text import Row, html_table


def overview_html(
    ports: Mapping[str, Port],
    running: Sequence[RunningPath],
    counters: Mapping[str, PathCounters],
    text: str,
) -> str:
    """Ports and paths drawn, drops by name, and every node's counters below.

    text: what stands for the picture where it cannot be shown
    """
    views = []
    for port in ports.values():
        info, stats = port.info, port.xstats()
        views.append(
            PortView(
                name=port.name,
                kind=port.declaration.device.kind,
                mac=info.mac,
                mtu=info.mtu,
                link=info.link_up,
                rx_packets=stats.get("rx_good_packets", 0),
                tx_packets=stats.get("tx_good_packets", 0),
                peer=port.declaration.peer,
                losses=losses_in(info.driver, stats),
            )
        )
    paths = [path.path for path in running]
    rows: list[Sequence[str] | Row] = []
    for path in running:
        for name, node in counters[path.name].nodes.items():
            cost = node.cycles_per_packet
            rows.append((path.name, name, f"{node.objects:,}", f"{cost:,.0f}" if cost else ""))
        for name, frames in counters[path.name].drops.items():
            rows.append(Row((path.name, name, f"{frames:,}", ""), "#b3261e"))
    table = html_table(("path", "node", "frames", "cycles a frame"), rows, "llrr")
    picture = as_html(lab_svg(views, paths, counters), text)
    return f"{picture}<details><summary>counters of every node</summary>{table}</details>"
