# SPDX-License-Identifier: BSD-3-Clause
"""What DPDK says of a port (struct lk_port_info), as the engine answers it."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from labkit.engine.answers import LinkChange, LinkState, PortFacts, PortLimits
from labkit.engine.binding import c_string, call, ffi, lib
from labkit.machine.nics import known_speed

# Mbit/s that links have (rte_ethdev.h, RTE_ETH_SPEED_NUM_*)
SPEEDS = (
    *(10, 100, 1_000, 2_500, 5_000, 10_000, 20_000, 25_000, 40_000, 50_000, 56_000),
    *(100_000, 200_000, 400_000),
)
OFFLOAD_BITS = 64


def limits_of(port_id: int) -> PortLimits:
    """What the driver of a port takes."""
    info = ffi.new("struct lk_port_info *")
    call("lk_port_limits", port_id, info)
    return _limits(info)


def facts_of(port_id: int, mac: bytes) -> PortFacts:
    """A port as it is now. mac: what its nodes answer for."""
    info = ffi.new("struct lk_port_info *")
    call("lk_port_info", port_id, info)
    is_gone = info.link == lib.LK_LINK_GONE
    knows_mode = not info.is_virtual and info.link == lib.LK_LINK_UP
    return {
        **_limits(info),
        "id": info.id,
        "device": c_string(info.device),
        "mac": mac.hex(":"),
        "mtu": info.mtu,
        "rx_queues": info.rx_queues,
        "tx_queues": info.tx_queues,
        "rx_descriptors": info.rx_descriptors or None,
        "tx_descriptors": info.tx_descriptors or None,
        "mbufs": info.mbufs,
        "mbuf_bytes": info.mbuf_room,
        "offloads": list(_names(info.rx_offloads, is_tx=False)),
        "is_gone": is_gone,
        "link_up": info.link == lib.LK_LINK_UP,
        "link_speed_mbps": None if is_gone else known_speed(info.link_speed),
        "full_duplex": bool(info.full_duplex) if knows_mode else None,
        "autonegotiated": bool(info.autoneg) if knows_mode else None,
        "pause_frames": None if info.pause < 0 else info.pause != 0,
        "promiscuous": info.promiscuous == 1,
        "numa_node": None if info.is_virtual else _node(info.socket),
        "pool_numa_node": _node(info.pool_socket),
    }


def link_changes_of(port_id: int) -> list[LinkChange]:
    """The newest changes of a port's link; the first one is how it was found."""
    changes = ffi.new("struct lk_link_change[]", lib.LK_LINK_CHANGES)
    count = min(lib.lk_link_changes(port_id, changes, len(changes)), len(changes))
    return [
        {
            "time_ns": change.time_ns,
            "state": _state(change.state),
            "speed_mbps": known_speed(change.speed) if change.state == lib.LK_LINK_UP else None,
        }
        for change in changes[0:count]
    ]


def _state(number: int) -> LinkState:
    if number == lib.LK_LINK_GONE:
        return "gone"
    return "up" if number == lib.LK_LINK_UP else "down"


def offload_bits(names: list[str]) -> int:
    """A mask of receive offloads by their names."""
    bits = {name: 1 << bit for bit, name in _known(is_tx=False)}
    return sum(bits[name] for name in names)


def _limits(info: Any) -> PortLimits:
    speeds = 0 if info.is_virtual else info.speeds_known
    return {
        "driver": c_string(info.driver),
        "is_virtual": bool(info.is_virtual),
        "min_mtu": info.min_mtu,
        "max_mtu": info.max_mtu,
        "max_rx_queues": info.max_rx_queues,
        "max_tx_queues": info.max_tx_queues,
        "rx_descriptor_range": [info.min_rx_descriptors, info.max_rx_descriptors],
        "tx_descriptor_range": [info.min_tx_descriptors, info.max_tx_descriptors],
        "known_offloads": [
            *_names(info.rx_offloads_known, is_tx=False),
            *_names(info.tx_offloads_known, is_tx=True),
        ],
        "known_speeds_mbps": [s for s in SPEEDS if speeds & lib.lk_speed_bit(s)],
    }


@cache
def _known(*, is_tx: bool) -> tuple[tuple[int, str], ...]:
    """Offloads by bit, as rx_vlan_strip and tx_udp_cksum (rte_eth_dev_rx_offload_name)."""
    side = "tx" if is_tx else "rx"
    names = [(bit, lib.lk_offload_name(is_tx, bit)) for bit in range(OFFLOAD_BITS)]
    return tuple((bit, f"{side}_{c_string(n).lower()}") for bit, n in names if n != ffi.NULL)


def _names(mask: int, *, is_tx: bool) -> Iterator[str]:
    return (name for bit, name in _known(is_tx=is_tx) if mask >> bit & 1)


def _node(socket: int) -> int | None:
    return socket if socket >= 0 else None
