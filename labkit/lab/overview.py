# SPDX-License-Identifier: BSD-3-Clause
"""The lab as a picture and a table: ports, paths, counters."""

import html
from collections.abc import Mapping, Sequence

from labkit.lab.drawing import PortView, lab_svg
from labkit.lab.port import Port
from labkit.lab.running_path import RunningPath
from labkit.path.counters import PathCounters
from labkit.path.svg import as_html


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
            )
        )
    paths = [path.path for path in running]
    rows = []
    for path in running:
        for name, node in counters[path.name].nodes.items():
            cost = node.cycles_per_packet
            cells = (path.name, name, f"{node.objects:,}", f"{cost:,.0f}" if cost else "")
            rows.append(_row(cells))
        for name, frames in counters[path.name].drops.items():
            rows.append(_row((path.name, name, f"{frames:,}", ""), ' style="color:#b3261e"'))
    return (
        as_html(lab_svg(views, paths, counters), text)
        + "<details><summary>counters of every node</summary><table><thead><tr><th>path</th>"
        + "<th>node</th><th>frames</th><th>cycles a frame</th></tr></thead><tbody>"
        + "".join(rows)
        + "</tbody></table></details>"
    )


def _row(cells: tuple[str, ...], style: str = "") -> str:
    return f"<tr{style}>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
