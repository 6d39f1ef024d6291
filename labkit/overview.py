# SPDX-License-Identifier: BSD-3-Clause
"""The lab as a picture and a table: ports, paths, counters."""

import html
from typing import TYPE_CHECKING

from labkit.draw import PortView, lab_svg

if TYPE_CHECKING:
    from labkit.lab import Lab


def overview_html(lab: "Lab") -> str:
    """Ports and paths drawn, drops by name, and every node's counters below."""
    counters = lab.counters()
    views = []
    for port in lab.ports.values():
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
    running = [*lab.paths.values(), *lab._host_paths.values()]
    paths = [path.path for path in running]
    rows = []
    for path in running:
        table = path.table
        for row in table.itertuples(index=False):
            cost = "" if row.cycles_per_packet is None else f"{row.cycles_per_packet:,.0f}"
            if cost == "nan":
                cost = ""
            style = ' style="color:#b3261e"' if row.node.startswith("drop_") else ""
            rows.append(
                f"<tr{style}><td>{html.escape(path.name)}</td><td>{html.escape(row.node)}</td>"
                f"<td>{row.objects:,}</td><td>{cost}</td></tr>"
            )
    return (
        lab_svg(views, paths, counters)
        + "<details><summary>counters of every node</summary><table><thead><tr><th>path</th>"
        + "<th>node</th><th>frames</th><th>cycles a frame</th></tr></thead><tbody>"
        + "".join(rows)
        + "</tbody></table></details>"
    )
