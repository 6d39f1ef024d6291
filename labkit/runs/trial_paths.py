# SPDX-License-Identifier: BSD-3-Clause
"""The paths of a trial: frames out and in, by every port that takes part."""

from collections.abc import Mapping
from functools import reduce
from operator import or_

from labkit.lab.addresses import source_addresses
from labkit.lab.port import Port
from labkit.path import nodes
from labkit.path.chain import Chain, Node, as_chain
from labkit.path.hosts import host
from labkit.path.path import Path
from labkit.runs.directions import Direction

Runs = Mapping[str, Direction]  # by the name that the engine knows each under
Lanes = Mapping[Port, int]  # how many each port has


def trial_path_name(port: Port, lane: int = 0) -> str:
    """Of the path of a port that takes part in a trial, by one of its lanes."""
    return f"trial:{port.name}" + (f":{lane}" if lane else "")


def trial_paths(runs: Runs, lanes: Lanes) -> list[Path]:
    """A path for each lane of a port; a port that sends is a host meanwhile, and Python still
    hears."""
    return [_path(port, runs, lane, of) for port, of in lanes.items() for lane in range(of)]


def _path(port: Port, runs: Runs, lane: int, of: int) -> Path:
    """Of lane `lane` of `of`."""
    tx = nodes.tx(port, lane)
    leaving = {run: d for run, d in runs.items() if d.port is port}
    own = source_addresses([p.stream for d in leaving.values() for p in d.scheduled])
    taken: Chain = reduce(or_, map(as_chain, _takers(port, runs, own, lane)))
    taken = taken >> tx if own else taken
    chains = [nodes.generate(run, port, lane, lane) >> tx for run in leaving]
    # A NIC may spread what comes back over all of its queues.
    chains += [nodes.rx(port, queue) >> taken for queue in range(lane, port.info.rx_queues, of)]
    if lane == 0:
        chains.append(nodes.inject(port) >> tx)
    return Path(*chains, name=trial_path_name(port, lane))


def _takers(port: Port, runs: Runs, own: list[str], lane: int) -> list[Node | Chain]:
    """Who is offered a frame that arrives, one after the other.

    A direction knows its own frames; where it does not, it takes what no host answers.
    """
    arriving = {run: d for run, d in runs.items() if d.back is port}
    known = [nodes.receive(run, lane=lane) for run, d in arriving.items() if d.is_signed]
    unknown = [nodes.receive(run, lane=lane) for run, d in arriving.items() if not d.is_signed]
    # Python's journal has one writer.
    end = nodes.collect(port) if lane == 0 else nodes.sink()
    return [*known, *([host(own)] if own else []), *unknown, end]
