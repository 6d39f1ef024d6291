# SPDX-License-Identifier: BSD-3-Clause
"""The echo experiment: datagrams of several sizes to a UDP echo service, every byte checked."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.arguments.checked import checked
from labkit.arguments.hints import UdpPort
from labkit.errors import LabError
from labkit.lab.address_questions import check_source, parse_address
from labkit.lab.exclusive import Pause, measure
from labkit.lab.lab import Lab
from labkit.lab.neighbours import resolve
from labkit.lab.port import Port
from labkit.packet.mac import HOW_TO_WRITE, is_mac
from labkit.path import nodes
from labkit.path.ledger import Ledger
from labkit.path.path import Path
from labkit.progress import progress_bar
from labkit.runs import stream_ids
from labkit.runs.echo_settings import EchoSettings, Probes, Window, check_sizes
from labkit.tables.shown import as_html, as_lines
from labkit.units import plain

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure

POLL_SECONDS = 0.002
SETTLE_SECONDS = 0.02
MOST_SETTLE_SECONDS = 10.0
PATIENCE_SECONDS = 10.0  # beyond the time that one probe may take
FLAWS = ("lost", "late", "duplicated", "corrupted")
Report = Callable[[int], object]


@dataclass(frozen=True)
class EchoSize:
    """What came of one payload size.

    Attributes
    ----------
    payload_bytes: UDP payload
    ledger: where every probe went
    lost: probes with no answer within the timeout, those that came late included
    late, duplicated, corrupted: answers after the timeout, answers beyond the first, answers whose
        payload, length or checksum differs
    round_trips_ns: float array, one entry an answer in time, in the order of sending
    """

    payload_bytes: int
    ledger: Ledger
    lost: int
    late: int
    duplicated: int
    corrupted: int
    round_trips_ns: "np.ndarray[Any, Any]"


@dataclass(frozen=True)
class EchoRun:
    """A finished echo experiment: `table`, `ledger`, `plot()`."""

    target: str
    udp_port: int
    source: str
    port: str
    sizes: Sequence[EchoSize]

    @property
    def table(self) -> "pd.DataFrame":
        """One row a payload size: payload_bytes, sent, received, lost, late, duplicated, corrupted,
        and the round trip in µs: rtt_min_us, rtt_p50_us, rtt_p90_us, rtt_p99_us, rtt_max_us.

        A round trip of which nothing was measured is missing (NaN), not 0.
        """
        import numpy as np

        from labkit.tables.table import Table  # pandas is slow to load

        rows = []
        for size in self.sizes:
            trips = size.round_trips_ns / 1e3
            ranks = (0, 50, 90, 99, 100)
            values = np.percentile(trips, ranks) if trips.size else [np.nan] * len(ranks)
            rows.append(
                {
                    "payload_bytes": size.payload_bytes,
                    "sent": size.ledger.sent,
                    "received": size.ledger.received,
                    "lost": size.lost,
                    "late": size.late,
                    "duplicated": size.duplicated,
                    "corrupted": size.corrupted,
                    **dict(
                        zip(
                            ("rtt_min_us", "rtt_p50_us", "rtt_p90_us", "rtt_p99_us", "rtt_max_us"),
                            values,
                            strict=True,
                        )
                    ),
                }
            )
        return Table(rows)

    @property
    def ledger(self) -> Ledger:
        """The ledger over all sizes."""
        total = self.sizes[0].ledger
        for size in self.sizes[1:]:
            total = total + size.ledger
        return total

    @property
    def round_trips_ns(self) -> Mapping[int, "np.ndarray[Any, Any]"]:
        """Round trips in ns by payload size in bytes."""
        return {size.payload_bytes: size.round_trips_ns for size in self.sizes}

    def plot(self) -> "Figure":
        """Round-trip time: its distribution for every size, and its course over the run."""
        from labkit.runs.echo_figure import round_trip_figure  # matplotlib is slow to load

        title = f"UDP echo, {self.port} to {self.target} port {self.udp_port}"
        return round_trip_figure(self.round_trips_ns, title)

    def __repr__(self) -> str:
        where = f"{self.target} UDP port {self.udp_port} from port {self.port} ({self.source})"
        return f"<EchoRun {where}>\n{as_lines(self.table)}\n{self.ledger!r}"

    def _repr_html_(self) -> str:
        return f"{as_html(*self._shown)}{self.ledger._repr_html_()}"

    @property
    def _shown(self) -> tuple["pd.DataFrame", str]:
        """The table, and in words of which flaws there were none: their columns would be zeros."""
        table = self.table
        without = [name for name in FLAWS if not table[name].any()]
        return table.drop(columns=without), f"none {' or '.join(without)}" if without else ""


@checked()
def echo(
    port: Port,
    target: str,
    *,
    udp_port: UdpPort = 7,
    payload_sizes: Sequence[int] = (18, 1400),
    count: Probes = 100,
    window: Window = 1,
    timeout: float = 0.5,
    source: str | None = None,
    source_port: UdpPort = 49152,
    target_mac: str | None = None,
    interval: float = 0.0,
    progress: bool = True,
) -> EchoRun:
    """Sends `count` datagrams of every payload size to a UDP echo service and checks the answers.

    port: where probes are sent and answers received; its own frames still reach sockets
    target: IPv4 or IPv6 address of the service; its MAC is asked for with ARP or neighbour
        discovery unless target_mac tells it
    udp_port: of the service, 1 to 65535
    payload_sizes: UDP payloads in bytes, from 18 (the signature) to what the port's MTU carries
    count: datagrams a size
    window: datagrams under way at once, 1 to 256
    timeout: seconds after which a datagram is lost; later answers are counted as late
    source: address to send from; None: the lowest other host address of the target's /24 or /64.
        The port answers ARP, neighbour discovery and ping for it while the experiment runs.
    source_port: UDP source port
    interval: seconds between two datagrams, 0: as soon as the window has room
    progress: show a progress bar when it takes longer than half a second

    Raises Unreachable when nobody answers for the target, LabError while another lk.echo or a trial
    runs in the lab, whose drops could not be told from this one's. Ctrl-C ends the experiment and
    puts the port back as it was.
    """
    destination = parse_address(target)
    sender = check_source(source, destination)
    sizes = check_sizes(port, payload_sizes, destination.version)
    settings = EchoSettings(
        str(sender), str(destination), udp_port, source_port, count, window, timeout, interval
    )
    if target_mac is not None and not is_mac(target_mac):
        raise LabError(f"target_mac is {target_mac!r}; {HOW_TO_WRITE}")
    mac = target_mac or resolve(port, str(destination), source=str(sender))

    def run_size(size: int, report: Report, pause: Pause) -> EchoSize:
        return _run_size(port, settings, settings.headers(port, mac, size), size, report, pause)

    def run(pause: Pause) -> list[EchoSize]:
        with _bar(len(sizes) * count, progress) as bar:
            return [
                run_size(size, lambda made, before=number * count: bar(before + made), pause)  # type: ignore[misc]
                for number, size in enumerate(sizes)
            ]

    results = measure(port.lab.engine, "lk.echo", run)
    return EchoRun(str(destination), udp_port, str(sender), port.name, tuple(results))


def _run_size(
    port: Port, settings: EchoSettings, headers: bytes, size: int, report: Report, pause: Pause
) -> EchoSize:
    lab: Lab = port.lab
    stream = stream_ids.claim()
    run = f"echo{stream}-{time.monotonic_ns()}"
    numbers = settings.numbers | {"stream": stream, "seed": secrets.randbits(63)}
    try:
        lab.engine.commands.create_probe(run, headers.hex(), size, numbers)
        before = _measured_drops(lab)
        try:
            lab.run(_probe_path(port, settings.source, run))
            patience = settings.timeout + settings.interval + PATIENCE_SECONDS
            counts = _until_done(lab, run, patience, report, pause)
            drops = _differences(_measured_drops(lab), before)
            return _result(lab, run, size, settings.count, counts, drops)
        finally:
            lab.stop_measurement()
    finally:
        lab.engine.commands.free_probe(run)


def _probe_path(port: Port, source: str, run: str) -> Path:
    """Probes out, answers in; the port is a host at the source address, and Python still hears."""
    own, tx = [source], nodes.tx(port)
    return Path(
        nodes.probe_send(run, port) >> tx,
        nodes.rx(port)
        >> (
            nodes.probe_receive(run)
            | nodes.arp_responder(own)
            | nodes.nd_responder(own)
            | nodes.icmp_echo(own)
            | nodes.collect(port)
        )
        >> tx,
        nodes.inject(port) >> tx,
        name=f"echo-client:{port.name}",
    )


def _until_done(
    lab: Lab, run: str, patience: float, report: Report, pause: Pause
) -> dict[str, int]:
    """patience: seconds after which something must have happened"""
    seen, moved = None, time.monotonic()
    try:
        while True:
            counts: dict[str, int] = lab.engine.commands.probe_counts(run)
            report(counts["made"])
            if counts["done"]:
                break
            if counts != seen:
                seen, moved = counts, time.monotonic()
            elif time.monotonic() - moved > patience:
                raise LabError(
                    f"the experiment stands still: {counts['made']} probes were made and "
                    f"{counts['received']} answered, and nothing has happened for "
                    f"{plain(patience)} s; was its path stopped, or has its worker no CPU? Leave "
                    "the path to lk.echo"
                )
            pause(POLL_SECONDS)
    except BaseException:
        lab.engine.commands.stop_probe(run)
        raise
    # Duplicates and late answers are still on their way when the last answer is in; where frames
    # go in circles there is no last one.
    end = time.monotonic() + MOST_SETTLE_SECONDS
    while True:
        pause(SETTLE_SECONDS)
        settled: dict[str, int] = lab.engine.commands.probe_counts(run)
        if settled == counts or time.monotonic() > end:
            return settled
        counts = settled


def _measured_drops(lab: Lab) -> dict[str, int]:
    total: dict[str, int] = {}
    for counters in lab.counters().values():
        for name, frames in counters.measured_drops.items():
            total[name] = total.get(name, 0) + frames
    return total


def _differences(now: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {name: now[name] - before.get(name, 0) for name in now if now[name] != before.get(name)}


def _result(
    lab: Lab, run: str, size: int, intended: int, counts: dict[str, int], drops: dict[str, int]
) -> EchoSize:
    import numpy as np

    trips = np.array(lab.engine.commands.probe_round_trips(run, intended))
    unsent = drops.pop("drop_tx_full", 0) + intended - counts["made"]
    # The client's own counters know its answers better than drop nodes do, which see only those
    # whose signature is whole. A duplicate is an answer too many, so it explains no probe.
    own = {"drop_probe_corrupt": counts["corrupt"], "drop_probe_late": counts["late"]}
    others = {name: n for name, n in drops.items() if not name.startswith("drop_probe_")}
    extra = {"duplicate answers": counts["duplicate"]}
    return EchoSize(
        size,
        Ledger(intended, intended - unsent, counts["received"], others | own, extra),
        lost=counts["given_up"],
        late=counts["late"],
        duplicated=counts["duplicate"],
        corrupted=counts["corrupt"],
        round_trips_ns=trips[trips > 0],
    )


@contextmanager
def _bar(total: int, wanted: bool) -> Iterator[Report]:
    """A function that takes how many probes were made so far."""
    options = {"unit": "probe", "disable": not wanted, "delay": 0.5, "leave": False}
    with progress_bar(total=total, **options) as bar:
        yield lambda made: bar.update(made - bar.n)
