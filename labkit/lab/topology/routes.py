# SPDX-License-Identifier: BSD-3-Clause
"""Static routes of a topology: over as few routers as may be."""

from collections import deque
from collections.abc import Mapping

from labkit.lab.topology.addressing import Attached, Layout, Segment, Version

Routes = dict[str, str]  # gateways by network
DEFAULTS: Mapping[Version, str] = {4: "0.0.0.0/0", 6: "::/0"}


def routes_of(layout: Layout, router: str) -> Routes:
    """What a router needs beside the networks that it is in: to each other one by which neighbour,
    over links that are up."""
    found: Routes = {}
    own = [layout.segment_of(i) for i in layout.interfaces[router]]
    for segment in layout.segments:
        gateway = None if segment in own else _towards(layout, router, segment)
        if gateway is not None:
            for version in layout.versions:
                found[str(segment.networks[version])] = str(gateway.addresses[version].ip)
    via = layout.plan.devices[router].gateway
    if via is not None:
        found[DEFAULTS[6 if ":" in via else 4]] = via
    return found | dict(layout.plan.devices[router].routes)


def gateway_of(layout: Layout, host: str, version: Version) -> str | None:
    """Where a host sends what is for other networks; None: there is no router."""
    device, interface = layout.plan.devices[host], layout.host(host)
    if device.gateway is not None and (":" in device.gateway) == (version == 6):
        return device.gateway
    routers = layout.segment_of(interface).routers()
    return str(routers[0].addresses[version].ip) if routers else None


def _towards(layout: Layout, router: str, wanted: Segment) -> Attached | None:
    """The neighbour that the nearest way to a network begins with. None: no way leads there."""
    seen = {router}
    todo: deque[tuple[str, Attached | None]] = deque([(router, None)])
    while todo:
        name, first = todo.popleft()
        for interface in layout.interfaces[name]:
            segment = layout.segment_of(interface)
            if not layout.plan.links[interface.link].quality.up:
                continue
            if segment is wanted:
                return first
            for neighbour in segment.routers():
                if neighbour.device.name not in seen and _is_up(layout, neighbour):
                    seen.add(neighbour.device.name)
                    todo.append((neighbour.device.name, first or neighbour))
    return None


def _is_up(layout: Layout, interface: Attached) -> bool:
    return layout.plan.links[interface.link].quality.up
