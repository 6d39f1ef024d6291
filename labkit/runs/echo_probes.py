# SPDX-License-Identifier: BSD-3-Clause
"""The probes of one payload size: sent by a path of their own, and followed to the last."""

import secrets
import time
from collections.abc import Callable

from labkit.errors import LabError
from labkit.lab import stream_ids
from labkit.lab.exclusive import Pause
from labkit.lab.lab import Lab
from labkit.lab.port import Port
from labkit.path import nodes
from labkit.path.hosts import host
from labkit.path.ledger import Ledger
from labkit.path.path import Path
from labkit.runs.echo_run import EchoSize
from labkit.runs.echo_settings import EchoSettings
from labkit.units import plain

POLL_SECONDS = 0.002
SETTLE_SECONDS = 0.02
MOST_SETTLE_SECONDS = 10.0
PATIENCE_SECONDS = 10.0  # beyond the time that one probe may take
Report = Callable[[int], object]  # told how many probes were made


def run_size(
    port: Port, settings: EchoSettings, mac: str, size: int, report: Report, pause: Pause
) -> EchoSize:
    """Sends all probes of a size in bytes to this MAC."""
    lab: Lab = port.lab
    stream = stream_ids.claim()
    run = f"echo{stream}-{time.monotonic_ns()}"
    headers = settings.headers(port, mac, size)
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
    tx = nodes.tx(port)
    return Path(
        nodes.probe_send(run, port) >> tx,
        nodes.rx(port) >> (nodes.probe_receive(run) | host([source]) | nodes.collect(port)) >> tx,
        nodes.inject(port) >> tx,
        name=f"echo-client:{port.name}",
    )


def _until_done(
    lab: Lab, run: str, patience: float, report: Report, pause: Pause
) -> dict[str, int]:
    """Counts when nothing comes any more; patience: seconds in which something must happen."""
    seen, moved = None, time.monotonic()
    try:
        while True:
            counts = lab.engine.commands.probe_counts(run)
            report(counts["made"])
            if counts["done"]:
                break
            if counts != seen:
                seen, moved = counts, time.monotonic()
            elif time.monotonic() - moved > patience:
                lab.engine.check_walks()
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
    return _when_settled(lab, run, counts, pause)


def _when_settled(lab: Lab, run: str, counts: dict[str, int], pause: Pause) -> dict[str, int]:
    """Duplicates and late answers are still on their way when the last answer is in; where frames
    go in circles there is no last one."""
    end = time.monotonic() + MOST_SETTLE_SECONDS
    while True:
        pause(SETTLE_SECONDS)
        settled = lab.engine.commands.probe_counts(run)
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
