# SPDX-License-Identifier: BSD-3-Clause
"""What a port may be: names, MTUs, queues, and how many a lab has room for."""

import re
from collections.abc import Mapping
from typing import Any

from labkit.errors import PortError
from labkit.lab.device import Device
from labkit.packet.mac import HOW_TO_WRITE, is_group, is_mac

MIB = 1 << 20
MIN_MTU, MAX_MTU = 68, 9600  # bytes; the least one is RFC 791's (3.2)
PORT_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,24}")  # node names such as probe_send:NAME fit 40


def settings_of(mtu: int, queues: int, promiscuous: bool = True) -> dict[str, int]:
    """As the engine takes them: the fields of struct lk_port_config."""
    return {
        "mtu": mtu,
        "rx_queues": queues,
        "tx_queues": queues,
        "promiscuous": int(promiscuous),
    }


def check_settings(name: str, mtu: int, queues: int, most_queues: int) -> None:
    """Raises PortError for what no port can be."""
    if not MIN_MTU <= mtu <= MAX_MTU:
        raise PortError(f"{name}: mtu is {mtu}; the range is {MIN_MTU} to {MAX_MTU} bytes")
    if not 1 <= queues <= most_queues:
        raise PortError(f"{name}: queues is {queues}; the range is 1 to {most_queues}")


def check_limits(name: str, settings: Mapping[str, int], limits: Mapping[str, Any]) -> None:
    """Raises PortError for what its driver does not take (rte_eth_dev_info_get)."""
    driver, mtu = limits["driver"], settings["mtu"]
    lowest = max(MIN_MTU, limits["min_mtu"])
    highest = min(MAX_MTU, limits["max_mtu"])
    if mtu and not lowest <= mtu <= highest:
        raise PortError(
            f"{name}: mtu {mtu} is outside of what {driver} takes, {lowest} to {highest} "
            "bytes; pass an mtu in that range"
            + ("" if highest > 1600 else ", or use a ring or af_packet port for jumbo frames")
        )
    most = min(limits["max_rx_queues"], limits["max_tx_queues"])
    if settings["rx_queues"] > most:
        raise PortError(
            f"{name}: {settings['rx_queues']} queues, but {driver} has at most {most}; "
            f"pass queues={most} or fewer"
        )


def check_room(ports: int, left: int, wanted: int) -> None:
    """Raises PortError when DPDK has no room for so many more (RTE_MAX_ETHPORTS)."""
    if left < wanted:
        raise PortError(
            f"this lab has {ports} ports, and its DPDK has room for {left} more; {wanted} are "
            "needed (two for a cable or a tunnel): close ports that have done their work "
            "(port.close()), use several queues of one port, or another lab"
        )


def no_memory(name: str, memory: Mapping[str, int], memory_mb: int, queues: int) -> PortError:
    """A port whose buffers the engine has no memory for."""
    needed, free = (-(-memory[key] // MIB) for key in ("needed", "free"))
    enough = memory_mb + needed - free + needed // 8
    some = "one queue" if queues == 1 else f"{queues} queues"
    return PortError(
        f"{name}: with {some} it needs {memory['mbufs']:,} buffers of {memory['room']:,} bytes, "
        f"{needed:,} MiB, and of the engine's {memory_mb:,} MiB {free:,} are free; start it with "
        f"lk.Lab(eal=lk.EalConfig(memory_mb={enough})), or pass fewer queues, a "
        "lower mtu, or rx_descriptors=, tx_descriptors= or mbufs= that are smaller"
    )


def not_opened(device: Device, error: str) -> PortError:
    """What a driver's refusal means."""
    target = f":{device.target}" if device.target else ""
    if "PACKET_FANOUT" in error:
        error = (
            "another program has the fanout group (packet(7)) that net_af_packet wants for several "
            "queues, number (process id of the engine xor index of the interface) mod 65,536; "
            "lab.restart() gives the engine another process id, and queues=1 needs no group"
        )
    return PortError(f"{device.kind}{target} could not be opened: {error}")


def check_name(wanted: str) -> None:
    """Raises PortError for what is no name of a port."""
    if not PORT_NAME.fullmatch(wanted):
        raise PortError(
            f"port name {wanted!r}: use 1 to 24 letters, digits and _ . : - "
            '(pass name="…" to a port whose device has another name)'
        )


def check_mac(mac: str | None) -> None:
    """Raises PortError for what is no MAC address of a host."""
    if mac is not None and (not is_mac(mac) or is_group(mac)):
        raise PortError(
            f"mac is {mac!r}; {HOW_TO_WRITE}, in whose first byte the lowest bit is 0, or leave it "
            "out"
        )


def name_of(device: Device) -> str:
    """What a port is called when nobody names it: its target as far as a name can hold it."""
    target = re.sub(r"[^A-Za-z0-9_.:-]", "_", device.target.rsplit("/", 1)[-1])
    return target[-24:] or device.kind
