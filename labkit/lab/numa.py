# SPDX-License-Identifier: BSD-3-Clause
"""Workers and NICs on different NUMA nodes: every frame crosses from one to the other."""

import warnings
from collections.abc import Iterable

from labkit.engine.engine import Engine
from labkit.lab.port import Port
from labkit.machine.cpus import numa_node_of


def warn_of_distance(engine: Engine, path: str, ports: Iterable[Port], stacklevel: int) -> None:
    """Warns where a path of a NIC's port was given a CPU on another node than the NIC's.

    stacklevel: of who is to be warned, as warnings.warn() counts
    """
    nodes = {p.name: p.last_info.numa_node for p in ports if p.last_info.numa_node is not None}
    if not nodes:
        return
    lcore = engine.commands.counters([path])[path]["lcore"]
    cpus = {w["lcore"]: w["cpu"] for w in engine.commands.describe_workers()}
    cpu = cpus.get(lcore)
    theirs = None if cpu is None else numa_node_of(cpu)
    for name, node in nodes.items():
        if theirs is not None and node != theirs:
            warnings.warn(
                f"path {path}: its worker is on CPU {cpu} of NUMA node {theirs}, the NIC of port "
                f"{name} on node {node}; each frame crosses between them. Give the engine CPUs of "
                "that node: lk.EalConfig(cpus=…), as lscpu lists them",
                stacklevel=stacklevel + 1,
            )
