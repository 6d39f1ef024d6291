# SPDX-License-Identifier: BSD-3-Clause
"""An echo in Python: what it costs to hand every frame to an interpreter and back."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from labkit.arguments.checked import checked
from labkit.dut.base import DUT_ADDRESS, UDP_PORT, Dut, DutCounters, FarEnd, OnWire, WireEnd
from labkit.dut.port_lifetime import closing
from labkit.errors import DutDied, LabError
from labkit.hosts.wire import wire_port
from labkit.lab.lab import Lab
from labkit.lab.port import Port
from labkit.packet import codec

BURST = 32
WAIT_SECONDS = 0.05
PATIENCE_SECONDS = 0.02  # the journal holds up to a second of frames: no receive queue is so long


@checked(but=("mtu", "ip_version", "tunnel", "mode"))
@dataclass(frozen=True)
class PythonEcho(Dut):
    """Reads frames in Python, has each answered by the codec's udp_echo, and sends the answers.

    It verifies checksums, as the codec does. Frames that have waited for 20 ms are dropped, as by a
    receive queue that is full. It is a thread of this process: what else Python does at that time
    slows it down.

    Attributes
    ----------
    name: what results call it
    mtu: of the cable, in bytes
    ip_version: 4 or 6: of the datagrams that it answers
    """

    name: str = "python-echo"
    mtu: int = 9001
    ip_version: int = 4

    @checked()
    @contextmanager
    def open(self, lab: Lab) -> Iterator[FarEnd]:
        """Starts the thread."""
        near, far = lab.cable(mtu=self.mtu)
        with closing(near, far), self._on(far, DUT_ADDRESS[self.ip_version]) as made:
            counters, check = made.counters, made.check
            yield FarEnd(near, far.mac, counters, check, self.name, self.ip_version)

    @contextmanager
    def on(self, lab: Lab, end: WireEnd) -> Iterator[OnWire]:
        """Starts the thread on a port of its host."""
        with (
            wire_port(lab, end.device, end.mtu, is_near=False) as port,
            self._on(port, end.address) as made,
        ):
            yield made

    @contextmanager
    def _on(self, port: Port, address: str) -> Iterator[OnWire]:
        echo = _Echo(port, self.name, address)
        echo.start()
        try:
            yield OnWire(port.mac, echo.counters, echo.check)
        finally:
            echo.stop()


class _Echo(threading.Thread):
    def __init__(self, port: Port, name: str, address: str) -> None:
        super().__init__(name=name, daemon=True)
        self._port = port
        self._endpoint = codec.Endpoint(port.mac, (address,), UDP_PORT)
        self._reader = port.frames.new_reader()
        self._ends = threading.Event()
        self._late = 0
        self._refused: Counter[str] = Counter()
        self._failure: LabError | None = None

    def run(self) -> None:
        try:
            while not self._ends.is_set():
                if self._reader.wait(WAIT_SECONDS, self._port.frames.check):
                    self._answer()
        except LabError as error:
            self._failure = error

    def _answer(self) -> None:
        answers: list[bytes] = []
        while len(answers) < BURST and (read := self._reader.read()) is not None:
            frame, arrived = read
            if time.time() - arrived > PATIENCE_SECONDS:
                self._late += 1
                continue
            verdict, answer = codec.handle("udp_echo", frame, self._endpoint)
            if verdict.name == "next":
                answers.append(answer)
            else:
                self._refused[f"python_{verdict.name}"] += 1
        if answers:
            self._port.frames.send(answers)

    def counters(self) -> DutCounters:
        drops = {"python_too_slow": self._reader.lost + self._late, **self._refused}
        for name, path in self._port.lab.counters().items():
            if name == f"host:{self._port.name}":
                drops |= path.drops
        return DutCounters.of_port(self._port.xstats(), drops, is_lab_port=True)

    def check(self) -> None:
        self._port.frames.check_answers()
        if self._failure or not self.is_alive():
            raise DutDied(self.name, f"its thread ended: {self._failure}")

    def stop(self) -> None:
        self._ends.set()
        self.join()
