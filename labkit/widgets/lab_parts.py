# SPDX-License-Identifier: BSD-3-Clause
"""What a dashboard says of ports, workers and mempools: texts, and the places of their numbers."""

from typing import Any

from labkit.errors import LabError
from labkit.lab.lab import Lab
from labkit.lab.port_declaration import loss_names
from labkit.path.path import Path
from labkit.sources import Schema
from labkit.widgets.meters import Meters


def ports(lab: Lab, meters: Meters, schema: Schema) -> list[dict[str, Any]]:
    """Rates of every port: packets a second, bit/s, frames lost a second."""
    found = []
    for name, port in tuple(lab.ports.items()):
        info = port.last_info  # of a port that is closed meanwhile, too
        row = {
            "name": name,
            "about": f"{port.declaration.device.kind}, {info.driver}, MTU {info.mtu}",
            "peer": port.declaration.peer or "",
            "rx": meters.add(f"port/{name}/rx_good_packets"),
            "tx": meters.add(f"port/{name}/tx_good_packets"),
            "rx_bits": meters.add(f"port/{name}/rx_good_bytes", scale=8),
            "tx_bits": meters.add(f"port/{name}/tx_good_bytes", scale=8),
            "lost": meters.add(f"port/{name}/{loss}" for loss in loss_names(info.driver)),
        }
        found.append(row)
    return found


def workers(lab: Lab, meters: Meters, schema: Schema) -> list[dict[str, Any]]:
    """Busy share (%) and cycles a packet of every worker."""
    try:
        cpus = {
            str(worker["lcore"]): worker["cpu"] for worker in lab.engine.commands.describe_workers()
        }
        lanes = {
            name: [str(lane.lcore) for lane in counters.lanes]
            for name, counters in lab.counters().items()
        }
    except LabError:  # the engine died meanwhile
        return []
    running = {path.name: path.path for path in lab.all_paths()}
    found = []
    for lcore in dict.fromkeys(n.split("/")[1] for n in schema.names if n.startswith("worker/")):
        busy, idle = f"worker/{lcore}/busy_cycles", f"worker/{lcore}/idle_cycles"
        paths = [name for name in running if lcore in lanes.get(name, ())]
        sources = [s for name in paths for s in _sources(running[name], lanes[name], lcore)]
        cpu = cpus.get(lcore)
        found.append(
            {
                "name": f"lcore {lcore}",
                "about": "floats over all CPUs" if cpu is None else f"on CPU {cpu}",
                "paths": ", ".join(paths),
                "busy": meters.add(busy, (busy, idle), 100),
                "cycles": meters.add(busy, sources or ("none",)),
            }
        )
    return found


def _sources(path: Path, lanes: list[str], lcore: str) -> list[str]:
    """What counts the frames that enter a path on a worker; lanes: the worker of each."""
    if len(lanes) > 1:
        return [f"lane/{path.name}/{n}/frames" for n, of in enumerate(lanes) if of == lcore]
    return [
        f"path/{path.name}/{node.name}/objects"
        for node in path.nodes
        if node.declared.brings_frames_in
    ]


def pools(meters: Meters, schema: Schema) -> list[dict[str, Any]]:
    """Mbufs in use, and their share (%) of every mempool."""
    found = []
    for pool in dict.fromkeys(n.split("/")[1] for n in schema.names if n.startswith("pool/")):
        used, free = f"pool/{pool}/in_use", f"pool/{pool}/available"
        found.append(
            {
                "name": _of_pool(pool),
                "about": f"mempool {pool}: buffers that ports receive into, shared by ports "
                "whose longest frames are of one size, unless their drivers keep some",
                "used": meters.add(used),
                "size": meters.add((used, free)),
                "share": meters.add(used, (used, free), 100),
            }
        )
    return found


def _of_pool(name: str) -> str:
    """What its buffers are: "8191x9536B" are of 9,536 bytes, "6143x2176B_3" also of DPDK's
    port 3 alone."""
    count, _, rest = name.partition("x")
    room, _, owner = rest.partition("B")
    if not (count.isdigit() and room.isdigit()):
        return name
    return f"buffers of {int(room):,} B" + (f", {owner[1:]}" if owner else "")
