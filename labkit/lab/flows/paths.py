# SPDX-License-Identifier: BSD-3-Clause
"""The paths that live traffic needs on its ports, run and made anew as flows are added."""

import time
from collections.abc import Callable, Iterable
from functools import reduce
from operator import or_
from typing import Any

from labkit.errors import LabError
from labkit.lab.addresses import source_addresses
from labkit.lab.flows.flow import Flow
from labkit.lab.port import Port
from labkit.path import nodes
from labkit.path.chain import Chain, Node, as_chain
from labkit.path.hosts import host
from labkit.path.path import Path

PREFIX = "traffic:"
TAKE_OFF_SECONDS = 1.0  # for what waits on a cable


class TrafficPaths:
    """Paths by port. One gives way to another when a flow needs more of it."""

    def __init__(self, lab: Any, lanes: Callable[[Port], int]) -> None:
        """lanes: in how many a port's path runs."""
        self._lab = lab
        self._lanes = lanes
        self._made_for: dict[str, Want] = {}

    def fit(self, flows: Iterable[Flow], places: dict[str, list[str]]) -> None:
        """Runs what these flows need.

        places: ports that frames of a run may arrive on, by run; their order is their number
        """
        for name, want in _wanted(list(flows), places).items():
            running = self._lab.paths.get(f"{PREFIX}{name}")
            if running is not None and self._made_for.get(name) == want:
                continue
            port = self._lab.ports.get(name)
            if port is None:
                raise LabError(f"port {name} was closed; a flow needs it")
            path = _path(port, *want)
            if running is None:
                self._lab.run(path, lanes=self._lanes(port))
            else:
                running.replace(path, lanes=self._lanes(port))
            self._made_for[name] = want

    @property
    def is_running(self) -> bool:
        """Whether there are any."""
        return bool(self._made_for)

    def end(self, *, takes_off: bool = True) -> None:
        """Takes all of them off.

        takes_off: what they left on cables that nobody reads does not come out when somebody does
        """
        ports = [self._lab.ports[name] for name in self._made_for if name in self._lab.ports]
        for name in list(self._made_for):
            self._stop(name)
        for port in ports if takes_off else ():
            self._take_off(self._lab.ports.get(port.declaration.peer or ""))

    def _take_off(self, peer: Port | None) -> None:
        commands = self._lab.engine.commands
        if peer is None or not commands.waiting().get(peer.name):
            return
        if any(running.path.receives(peer.name) for running in self._lab.all_paths()):
            return
        taker = self._lab.run(nodes.rx(peer) >> nodes.sink(), f"{PREFIX}{peer.name}")
        end = time.monotonic() + TAKE_OFF_SECONDS
        while commands.waiting().get(peer.name) and time.monotonic() < end:
            time.sleep(0.001)
        taker.stop()

    def forget(self) -> None:
        """Their engine has gone."""
        self._made_for.clear()

    def _stop(self, name: str) -> None:
        del self._made_for[name]
        running = self._lab.paths.get(f"{PREFIX}{name}")
        if running is not None:
            running.stop()


Want = tuple[str | None, tuple[tuple[str, int], ...], tuple[str, ...]]


def _wanted(flows: list[Flow], places: dict[str, list[str]]) -> dict[str, Want]:
    """By port: the run that it sends, those that arrive with their place, its IP addresses."""
    senders = {flow.on.name: flow.run for flow in flows}
    ports = dict.fromkeys([*senders, *(port for names in places.values() for port in names)])
    return {
        port: (
            senders.get(port),
            tuple((run, names.index(port)) for run, names in places.items() if port in names),
            tuple(source_addresses([flow.stream for flow in flows if flow.on.name == port])),
        )
        for port in ports
    }


def _path(port: Port, run: str | None, receives: Any, own: tuple[str, ...]) -> Path:
    """Frames out and in. The port is a host meanwhile, and Python still hears."""
    tx = nodes.tx(port)
    takers: list[Node | Chain] = [nodes.receive(of, place) for of, place in receives]
    takers += [host(own)] if own else []
    taken: Chain = reduce(or_, map(as_chain, [*takers, nodes.collect(port)]))
    taken = taken >> tx if own else taken
    chains = [nodes.generate(run, port) >> tx] if run is not None else []
    chains.append(nodes.rx(port) >> taken)
    return Path(*chains, nodes.inject(port) >> tx, name=f"{PREFIX}{port.name}")
