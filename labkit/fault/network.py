# SPDX-License-Identifier: BSD-3-Clause
"""Faults of the host, the link and what is behind it."""

from typing import Annotated, Any, Literal, overload

from labkit.arguments.checked import checked
from labkit.arguments.hints import Between
from labkit.errors import PathError, PortError
from labkit.fault.driver import DRIVERS, DriverName, to_engine
from labkit.fault.fault import Course, Fault
from labkit.fault.nic import MARK, Nic, device_to_engine
from labkit.lab.port import Port
from labkit.path.chain import Node
from labkit.path.nodes import fault as fault_node
from labkit.text import shown
from labkit.units import QuantityError, parse_quantity

Frames = Annotated[int, Between(1, 2048, "frames")]
Seconds = Annotated[float, Between(0.001, 60, "s")]
Device = dict[str, int | str]
# Drivers that a fault is usual of; the first one is meant where none was said.
GUESTS = ("virtio_net", "ena", "net_ena")
FORWARDERS = ("net_ena", "ena", "virtio_net")
LOG_SECONDS = 1.0  # between two lines of a driver that would write one a frame


@overload
def tx_stall(
    port: Port,
    *,
    after: str | int | None = ...,
    ring: int = ...,
    backlog: int = ...,
    driver: DriverName | None = ...,
) -> Fault: ...


@overload
def tx_stall(
    port: None = ...,
    *,
    after: str | int | None = ...,
    ring: int = ...,
    backlog: int = ...,
    driver: DriverName | None = ...,
    name: str | None = ...,
) -> Node: ...


@checked(PortError, but=("after",))
def tx_stall(
    port: Port | None = None,
    *,
    after: str | int | None = None,
    ring: Frames = 256,
    backlog: Annotated[int, Between(0, 2048, "frames")] = 1000,
    driver: DriverName | None = None,
    name: str | None = None,
) -> Any:
    """The NIC sends nothing any more, and receives: the host does not take what the guest hands
    over. Frames fill the transmit ring, then the queue in front of it (a qdisc), and are dropped
    then (drop_tx_backlog_full; without a queue the sender is told, drop_tx_full).

    port: whose NIC it is; None: a node of a path, called `name`, for the port that its frames go to
    after: bytes that are sent before, such as "360 MB"; None: none
    ring, backlog: room of the ring and of the queue in frames
    """
    device: Device = {
        "tx": "HELD",
        "ring": ring,
        "backlog": backlog,
        "refusal": "tx_backlog_full" if backlog else "tx_full",
        "after_bytes": _bytes(after),
    }
    if port is None:
        return _node("tx_stall", driver or GUESTS[0], device, name)
    return _lasting("tx_stall", port, driver, device, GUESTS)


@overload
def mtu_black_hole(port: Port, *, longest: int = ..., driver: DriverName | None = ...) -> Fault: ...


@overload
def mtu_black_hole(
    port: None = ..., *, longest: int = ..., driver: DriverName | None = ..., name: str | None = ...
) -> Node: ...


@checked(PortError)
def mtu_black_hole(
    port: Port | None = None,
    *,
    longest: Annotated[int, Between(14, 65535, "bytes")] = 1514,
    driver: DriverName | None = None,
    name: str | None = None,
) -> Any:
    """Longer frames than `longest` bytes (without FCS) vanish behind the port, and nobody is told
    (drop_mtu_black_hole).

    port: None: a node of a path, called `name`, for the port that its frames go to
    """
    device: Device = {"tx": "SHORT", "longest": longest}
    if port is None:
        return _node("mtu_black_hole", driver or GUESTS[0], device, name)
    return _lasting("mtu_black_hole", port, driver, device, GUESTS)


@overload
def arp_overflow(
    port: Port, *, address: str = ..., pending: int = ..., driver: DriverName | None = ...
) -> Fault: ...


@overload
def arp_overflow(
    port: None = ...,
    *,
    pending: int = ...,
    driver: DriverName | None = ...,
    name: str | None = ...,
) -> Node: ...


@checked(PortError)
def arp_overflow(
    port: Port | None = None,
    *,
    address: str = "10.0.0.1",
    pending: Frames = 5,
    driver: DriverName | None = None,
    name: str | None = None,
) -> Any:
    """The next hop does not answer ARP: `pending` frames wait for it, and all others are dropped
    (drop_neighbour_unresolved).

    port: None: a node of a path, called `name`, for the port that its frames go to
    address: of the next hop, for the log
    """
    device: Device = {"tx": "HELD", "ring": pending, "refusal": "neighbour_unresolved"}
    if port is None:
        return _node("arp_overflow", driver or FORWARDERS[0], device, name)

    def course(nic: Nic) -> Course:
        nic.device(**device)
        before = nic.counts["refused"]
        while True:
            yield LOG_SECONDS / 5
            refused = nic.counts["refused"]
            if refused > before:
                nic.say("no_neighbour", address=address, pending=pending)
                before = refused
                yield LOG_SECONDS

    return Fault("arp_overflow", port, driver, course, drivers=FORWARDERS)


@checked(PortError)
def poll_starvation(
    port: Port, *, seconds: Seconds = 5.0, driver: Literal["net_ena", "ena"] | None = None
) -> Fault:
    """The CPU that polls the port is held up: for `seconds` nobody takes what arrives, so that it
    is lost where the ring is full. ENA's driver for Linux takes it for a stuck queue and resets the
    device."""

    def course(nic: Nic) -> Course:
        nic.device(rx="UNPOLLED")
        yield seconds
        ms = round(1000 * seconds)
        nic.add("starved")
        nic.say("starved", lost=1, ms=ms)
        if nic.driver.in_kernel:
            nic.say("reset")
        nic.device()
        if nic.driver.in_kernel:
            nic.say("reset_done")

    return Fault("poll_starvation", port, driver, course, drivers=("ena", "net_ena"))


@checked(PortError)
def link_flap(
    port: Port,
    *,
    times: Annotated[int, Between(1, 1000)] = 3,
    down: Seconds = 0.5,
    up: Seconds = 0.5,
    driver: DriverName | None = None,
) -> Fault:
    """The port's link goes down for `down` seconds and comes up for `up` seconds, `times` times;
    end() leaves it up. What is sent meanwhile ends in drop_tx_link_down. DPDK's driver writes no
    line of it."""

    def course(nic: Nic) -> Course:
        try:
            for _ in range(times):
                port.set_link(False)
                nic.add("carrier")
                nic.say("link_down")
                yield down
                port.set_link(True)
                nic.add("carrier")
                nic.say("link_up")
                yield up
        finally:
            if nic.is_there and not port.info.link_up:
                port.set_link(True)

    return Fault("link_flap", port, driver, course, drivers=GUESTS, of_link=True)


def _lasting(
    name: str, port: Port, driver: str | None, device: Device, drivers: tuple[str, ...]
) -> Fault:
    """A fault that is so from its beginning to its end."""

    def course(nic: Nic) -> Course:
        nic.device(**device)
        yield from ()

    return Fault(name, port, driver, course, drivers=drivers)


def _node(fault: str, driver: str, device: Device, name: str | None) -> Node:
    told = {**DRIVERS[driver].counters(1), f"{MARK}{fault}": ("IS_SICK", "", 0)}
    of = {"device": device_to_engine(**device), "told": to_engine(told)}
    return fault_node(fault, of, name=name or fault)


def _bytes(after: object) -> int:
    if after is None:
        return 0
    if isinstance(after, int) and not isinstance(after, bool) and after >= 0:
        return after
    try:
        if isinstance(after, str):
            return round(parse_quantity(after, ("B",)).value)
    except QuantityError as error:
        raise PathError(f"after: {error}") from None
    raise PathError(f'after is {shown(after)}; it is a number of bytes, such as "360 MB"')
