# SPDX-License-Identifier: BSD-3-Clause
"""Faults of the device, which its driver notices and cures by a reset, or not at all.

Clocks are those of drivers/net/ena of DPDK and of ENA's driver for Linux.
"""

from typing import Annotated, Literal

from labkit.arguments.checked import checked
from labkit.arguments.hints import Between
from labkit.errors import EngineError, PortError
from labkit.fault.fault import Course, Fault
from labkit.fault.nic import Nic
from labkit.lab.port import Port
from labkit.units import plain

EnaName = Literal["net_ena", "ena"]
ENAS = ("net_ena", "ena")  # the first one where none was said
Seconds = Annotated[float, Between(0.001, 3600, "s")]
Frames = Annotated[int, Between(1, 4096, "frames")]

KEEP_ALIVE = {"net_ena": 3.0, "ena": 6.0}  # s until the driver gives the device up
COMMAND = 3.0  # s until an admin command is given up
COMPLETION = 5.0  # s until a completion is missing
RESET = 3.0
RING = 1024
LOST_LIMIT = {"net_ena": 256, "ena": 128}
POLL = 1.0  # s between two readings of an application that shows statistics
ETIME, ENODEV = 62, 19
DEAD: dict[str, int | str] = {"tx": "HELD", "rx": "DEAD", "ring": RING}


@checked(PortError)
def admin_queue_hang(
    port: Port, *, driver: EnaName | None = None, timeout: Seconds = COMMAND, poll: Seconds = POLL
) -> Fault:
    """The device answers no admin command any more and moves no frame; its link stays up.

    Somebody reads its counters every `poll` seconds: the first reading is given up after `timeout`
    seconds (-62), those that follow fail at once (-19). With driver "ena" the kernel's driver sees
    it, too, and resets the device; that of DPDK, whose watchdog this application does not run,
    leaves it so until the process is started anew: lab.restart(). Both directions are dead until
    end(); frames wait in a transmit ring of 1,024 and are refused then (drop_tx_full).
    """

    def course(nic: Nic) -> Course:
        nic.device(**DEAD)
        yield timeout
        nic.device(**DEAD, read_error=ENODEV)
        nic.say("admin_timeout", error=ETIME)
        if nic.driver.in_kernel:
            nic.add("admin")
            nic.say("admin_stopped")
            yield from _reset(nic, RESET)
            return
        while True:
            yield poll
            nic.say("unreadable", error=ENODEV)

    return Fault("admin_queue_hang", port, driver, course, drivers=ENAS)


@checked(PortError)
def keep_alive_lost(
    port: Port,
    *,
    driver: EnaName | None = None,
    timeout: Seconds | None = None,
    reset: Seconds = RESET,
) -> Fault:
    """The device's keep-alive stops, and with it all frames; after `timeout` seconds (None: the
    driver's, 3 in DPDK and 6 on Linux) the driver resets it, which takes `reset` seconds. Then it
    works. What its rings held is lost.
    """

    def course(nic: Nic) -> Course:
        silent = KEEP_ALIVE[nic.driver.name] if timeout is None else timeout
        nic.device(**DEAD)
        yield silent
        nic.add("keep_alive")
        nic.say("keep_alive", ms=round(1000 * silent))
        yield from _reset(nic, reset)

    return Fault("keep_alive_lost", port, driver, course, drivers=ENAS)


@checked(PortError)
def reset_loop(
    port: Port,
    *,
    driver: EnaName | None = None,
    period: Seconds = 8.0,
    reset: Seconds = RESET,
) -> Fault:
    """A reset does not cure the device: every `period` seconds its keep-alive is missing again, and
    the driver resets it for `reset` seconds."""
    if reset >= period:
        raise PortError(
            f"reset is {plain(reset)} s and period {plain(period)} s; a reset is the shorter one"
        )

    def course(nic: Nic) -> Course:
        while True:
            nic.device(**DEAD)
            yield period - reset
            nic.add("keep_alive")
            nic.say("keep_alive", ms=round(1000 * (period - reset)))
            yield from _reset(nic, reset)

    return Fault("reset_loop", port, driver, course, drivers=ENAS)


@checked(PortError)
def missing_tx_completions(
    port: Port,
    *,
    driver: EnaName | None = None,
    ring: Frames = RING,
    timeout: Seconds = COMPLETION,
    reset: Seconds = RESET,
) -> Fault:
    """The device sends frames and returns no descriptor: when `ring` of them are out, nothing can
    be sent (drop_tx_full). `timeout` seconds after more are missing than the driver bears (256 in
    DPDK, 128 on Linux, half a shorter ring), it resets the device.

    A missed completion is no lost frame: those were sent.
    """

    def course(nic: Nic) -> Course:
        limit = min(LOST_LIMIT[nic.driver.name], ring // 2)
        nic.device(tx="UNRETURNED", ring=ring)
        while nic.counts["unreturned"] <= limit:
            yield 0.02
        yield timeout
        lost = nic.counts["unreturned"]
        nic.add("lost_completions", 1 if nic.driver.in_kernel else lost)
        nic.say("lost_completions", lost=lost, limit=limit, ms=round(1000 * timeout))
        yield from _reset(nic, reset)

    return Fault("missing_tx_completions", port, driver, course, drivers=ENAS)


@checked(PortError)
def invalid_descriptor(
    port: Port, *, driver: EnaName | None = None, reset: Seconds = RESET
) -> Fault:
    """The device returns a descriptor that nobody gave it; one is enough, and the driver resets it
    for `reset` seconds. DPDK's driver tells of it in counters alone, unless it was built for
    debugging."""

    def course(nic: Nic) -> Course:
        nic.add("bad_req_id")
        nic.say("bad_req_id", id=57005)
        yield from _reset(nic, reset)

    return Fault("invalid_descriptor", port, driver, course, drivers=ENAS)


def _reset(nic: Nic, seconds: float) -> Course:
    """The driver resets its device: what it held is lost, counters of queues begin anew."""
    nic.say("reset")
    if nic.driver.in_kernel:
        _dump(nic)
    nic.add("stop")
    if frames := nic.lose_held():
        nic.say("lost_frames", frames=frames, ms=round(1000 * seconds))
    nic.device(**{**DEAD, "ring": 1})  # of a device that is stopped
    nic.lose_held()
    nic.restart_counters()
    yield seconds
    nic.lose_held()
    nic.cure(sends=False)
    nic.add("start")
    nic.say("reset_done")


def _dump(nic: Nic) -> None:
    """ENA writes what it has counted into the log before it resets."""
    try:
        counted = nic.xstats
    except EngineError:  # its device does not answer
        return
    for name, value in counted.items():
        if "/" not in name:
            nic.say("counter", name=name, value=value)
