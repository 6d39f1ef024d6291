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


def trial_path_name(port: Port) -> str:
    """Of the path of a port that takes part in a trial."""
    return f"trial:{port.name}"


def trial_path(port: Port, runs: Runs) -> Path:
    """Frames out and in. A port that sends is a host meanwhile, and Python still hears."""
    tx = nodes.tx(port)
    leaving = {run: d for run, d in runs.items() if d.port is port}
    own = source_addresses([p.stream for d in leaving.values() for p in d.scheduled])
    taken: Chain = reduce(or_, map(as_chain, _takers(port, runs, own)))
    taken = taken >> tx if own else taken
    chains = [nodes.generate(run, port) >> tx for run in leaving]
    # A NIC may spread what comes back over all of its queues.
    chains += [nodes.rx(port) >> taken, nodes.inject(port) >> tx]
    return Path(*chains, name=trial_path_name(port))


def _takers(port: Port, runs: Runs, own: list[str]) -> list[Node | Chain]:
    """Who is offered a frame that arrives, one after the other.

    A direction knows its own frames; where it does not, it takes what no host answers.
    """
    arriving = {run: d for run, d in runs.items() if d.back is port}
    known = [nodes.receive(run) for run, d in arriving.items() if d.is_signed]
    unknown = [nodes.receive(run) for run, d in arriving.items() if not d.is_signed]
    return [*known, *([host(own)] if own else []), *unknown, nodes.collect(port)]
