# SPDX-License-Identifier: BSD-3-Clause
"""Port names such as "tap:name" or "pci:0000:00:06.0", and the DPDK devices they stand for."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from labkit.arguments.checked import fitting
from labkit.arguments.hints import Between, Count
from labkit.errors import LabError, PortError
from labkit.machine.pci_address import pci_device
from labkit.packet.link import LINK_OVERHEAD
from labkit.text import alike, did_you_mean, near

INTERFACES = Path("/sys/class/net")
LONGEST_INTERFACE_NAME = 15  # IFNAMSIZ - 1
AF_XDP_MAX_MTU = 3520  # one 4-KiB UMEM chunk less its headrooms (net_af_xdp)
PAGE = 4096
DEFAULT_MEMIF_MTU = 1500
CACHE_LINE = 64
DEFAULT_FRAME = 2048  # of net_af_packet's ring
FRAME_STEP = 1024
WHO_CALLED = 6  # lab.port(), behind what looks at its arguments
FRAME_HEADER = 80 + LINK_OVERHEAD  # packet(7)'s headers of a frame, and the frame's own

Option = str | int | bool


@dataclass(frozen=True)
class Device:
    """A DPDK device: what to attach, and what is special about it.

    Attributes
    ----------
    kind: ring, null, pcap, memif, tap, af_packet, af_xdp or pci
    target: what stands behind the colon
    bus: "vdev" or "pci"
    driver: name of the virtual driver, "" for pci
    arguments: devargs of its driver
    mtu: the MTU to use when none is asked for; 0: the driver's own
    own_mac: whether nodes answer for a MAC of the lab's making and not for the driver's
    holds: what has to be there as long as the device: the copy that is read in place of a capture
    """

    kind: str
    target: str
    bus: str
    driver: str
    arguments: dict[str, Option] = field(default_factory=dict)
    mtu: int = 0
    own_mac: bool = False
    holds: object = None

    @property
    def devargs(self) -> str:
        """The driver arguments as DPDK reads them."""
        return ",".join(
            f"{key}={int(value) if isinstance(value, bool) else value}"
            for key, value in self.arguments.items()
        )


def parse_device(text: str, mtu: int | None, queues: int, options: dict[str, Option]) -> Device:
    """Reads a port's name; PortError tells what is wrong with it and what would be right."""
    kind, _, target = text.partition(":")
    if kind not in KINDS:
        hint = did_you_mean(alike(kind, KINDS))
        raise PortError(f"{text!r} is no port: the kinds are {', '.join(KINDS)}{hint}")
    make, known = KINDS[kind]
    for name, value in options.items():
        if known is None:  # its driver knows
            continue
        if name not in known:
            raise PortError(f"a {kind} port has no option {name!r}{near(name, known)}")
        options = options | {name: fitting(name, value, known[name], PortError)}
    return make(target, mtu, queues, options)


def names_of_kinds(_: Mapping[str, object]) -> list[str]:
    """What a port's name may begin with, and whole names of the interfaces there are."""
    interfaces = sorted(path.name for path in INTERFACES.glob("*"))
    on_interfaces = [f"{kind}:{name}" for kind in ("af_packet", "af_xdp") for name in interfaces]
    return ["ring", "null", "pcap:", "memif:", "tap:", *on_interfaces, "pci:"]


def check_ring_size(ring_size: int) -> None:
    """Raises PortError for what no ring can have."""
    if ring_size < 64 or ring_size & (ring_size - 1):
        raise PortError(f"ring_size is {ring_size}; it is a power of two, 64 or more")


Options = dict[str, Option]


def _ring(target: str, mtu: int | None, queues: int, options: Options) -> Device:
    if target:
        raise PortError(f'a ring port takes no target, got {target!r}; write "ring"')
    check_ring_size(int(options.get("ring_size", 1024)))
    return Device("ring", "", "vdev", "net_ring", options, mtu or 9001, own_mac=True)


def _null(target: str, mtu: int | None, queues: int, options: Options) -> Device:
    arguments = {"size": options.get("size", 64), "copy": options.get("copy", False)}
    # net_null makes frames as fast as it is polled, unless told not to
    if not options.get("source", False):
        arguments["no-rx"] = 1
    return Device("null", target, "vdev", "net_null", arguments, mtu or 1500, own_mac=True)


def _pcap(target: str, mtu: int | None, queues: int, options: Options) -> Device:
    from labkit.packet.capture_copy import CaptureCopy
    from labkit.packet.capture_ethernet import ethernet_capture

    file = Path(target).absolute()
    if not file.is_file():
        raise PortError(
            f"pcap:{target}: there is no such file; write pcap:FILE with a capture "
            "to read (tx=FILE takes what is sent)"
        )
    if not os.access(file, os.R_OK):
        raise PortError(f"pcap:{target}: this user may not read the file")
    try:
        played = ethernet_capture(file, WHO_CALLED)
    except LabError as error:
        raise PortError(f"pcap:{error}") from None
    copy = played if isinstance(played, CaptureCopy) else None
    arguments: Options = {"rx_pcap": str(file if copy is None else copy.path)}
    if "tx" in options:
        arguments["tx_pcap"] = str(Path(str(options["tx"])).absolute())
    if options.get("repeat", False):
        arguments["infinite_rx"] = 1
    if any("," in str(value) for value in arguments.values()):
        raise PortError(f"pcap:{target}: DPDK cannot take a file name with a comma; rename it")
    return Device("pcap", str(file), "vdev", "net_pcap", arguments, mtu or 9001, True, copy)


def _memif(target: str, mtu: int | None, queues: int, options: Options) -> Device:
    role = options.get("role", "client")
    if role not in ("client", "server"):
        raise PortError(
            f"role is {role!r}; a memif port is a 'client' or a 'server', and talks "
            "to one of the other role"
        )
    if not target:
        raise PortError("write memif:NAME (an abstract socket) or memif:/PATH (a file)")
    arguments: Options = {
        "role": role,
        "id": options.get("id", 0),
        "socket": target,
        "socket-abstract": "no" if target.startswith("/") else "yes",
        "rsize": options.get("ring_size_log2", 10),
    }
    if mtu and mtu > DEFAULT_MEMIF_MTU:
        # The client's buffers; a frame of the longest MTU and two VLAN tags fills one.
        arguments["bsize"] = -(-(mtu + LINK_OVERHEAD) // CACHE_LINE) * CACHE_LINE
    if options.get("zero_copy", False):
        arguments["zero-copy"] = "yes"
    if "secret" in options:
        arguments["secret"] = options["secret"]
    return Device(
        "memif", target, "vdev", "net_memif", arguments, mtu or DEFAULT_MEMIF_MTU, own_mac=True
    )


def _tap(target: str, mtu: int | None, queues: int, options: Options) -> Device:
    if not re.fullmatch(rf"[^\s/:]{{1,{LONGEST_INTERFACE_NAME}}}", target):
        raise PortError(
            f"tap:{target}: an interface name has 1 to {LONGEST_INTERFACE_NAME} "
            "characters without blanks, '/' and ':'"
        )
    if (INTERFACES / target).exists():
        raise PortError(f"tap:{target}: the interface exists already; choose another name")
    _needs_root("tap", "CAP_NET_ADMIN")
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        raise PortError(
            f"tap:{target}: /dev/net/tun is missing or closed to this user; "
            "load the tun module, or use a ring port (lab.cable())"
        )
    # The kernel's end keeps the driver's MAC, so that nodes have another one.
    arguments: Options = {"iface": target}
    return Device("tap", target, "vdev", "net_tap", arguments, mtu or 1500, own_mac=True)


def _af_packet(target: str, mtu: int | None, queues: int, options: Options) -> Device:
    mtu = mtu or _interface_mtu("af_packet", target)
    _needs_root("af_packet", "CAP_NET_RAW")
    # A frame of the socket's ring holds headers and the whole frame.
    needed = max(DEFAULT_FRAME, -(-(mtu + FRAME_HEADER) // FRAME_STEP) * FRAME_STEP)
    frame_size = int(options.get("framesz", needed))
    if frame_size < mtu + FRAME_HEADER or frame_size % FRAME_STEP:
        raise PortError(
            f"af_packet:{target}: framesz {frame_size} does not suit MTU {mtu}; it is a multiple "
            f"of {FRAME_STEP}, {FRAME_HEADER} bytes or more above the MTU: pass framesz={needed}, "
            "or leave it out"
        )
    arguments: Options = {
        "iface": target,
        "qpairs": queues,
        "framesz": frame_size,
        # The driver takes frames to lie without gaps: a block is whole frames and whole pages.
        "blocksz": frame_size * PAGE // FRAME_STEP,
        "framecnt": options.get("framecnt", 1024),
        "qdisc_bypass": options.get("qdisc_bypass", True),
    }
    return Device("af_packet", target, "vdev", "net_af_packet", arguments, mtu)


def _af_xdp(target: str, mtu: int | None, queues: int, options: Options) -> Device:
    mtu = mtu or _interface_mtu("af_xdp", target)
    _needs_root("af_xdp", "CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF")
    if mtu > AF_XDP_MAX_MTU:
        raise PortError(
            f"af_xdp:{target}: MTU {mtu} exceeds net_af_xdp's limit of "
            f"{AF_XDP_MAX_MTU}; set the interface to a lower MTU "
            f"(ip link set {target} mtu {AF_XDP_MAX_MTU}), or use af_packet:{target}"
        )
    arguments: Options = {
        "iface": target,
        "start_queue": options.get("start_queue", 0),
        "queue_count": queues,
    }
    if options.get("force_copy", False):
        arguments["force_copy"] = 1
    return Device("af_xdp", target, "vdev", "net_af_xdp", arguments, mtu)


def _pci(target: str, mtu: int | None, queues: int, options: Options) -> Device:
    device = pci_device(target)
    given = {key: int(v) if isinstance(v, bool) else v for key, v in options.items()}
    twice = device.arguments.keys() & given
    if twice:
        raise PortError(f"pci:{target}: {min(twice)} is given twice; write it once")
    return Device("pci", device.address, "pci", "", {**device.arguments, **given}, mtu or 0)


def _interface_mtu(kind: str, name: str) -> int:
    if not name or not (INTERFACES / name).exists():
        there = ", ".join(sorted(path.name for path in INTERFACES.glob("*"))) or "none"
        raise PortError(
            f"{kind}:{name}: there is no such interface in this network namespace "
            f"(there are: {there})"
        )
    if not int((INTERFACES / name / "flags").read_text(), 16) & 1:
        raise PortError(
            f"{kind}:{name}: the interface is down; bring it up with: ip link set {name} up"
        )
    return int((INTERFACES / name / "mtu").read_text())


def _needs_root(kind: str, capability: str) -> None:
    if os.geteuid() != 0:
        raise PortError(
            f"{kind} ports need root ({capability}); ring, null, pcap and memif ports "
            "do not: lab.cable() gives two ring ports"
        )


Maker = Callable[[str, int | None, int, Options], Device]

Switch = bool | Literal[0, 1]

# Maker, and what its options may be; None: the arguments of a driver, which tells them
KINDS: dict[str, tuple[Maker, dict[str, Any] | None]] = {
    "ring": (_ring, {"ring_size": int}),
    "null": (_null, {"size": Annotated[int, Between(1, 65535)], "copy": Switch, "source": Switch}),
    "pcap": (_pcap, {"tx": str | os.PathLike, "repeat": Switch}),
    "memif": (
        _memif,
        {
            "role": Literal["client", "server"],
            "id": Annotated[int, Between(0, 2**32 - 1)],
            "ring_size_log2": Annotated[int, Between(1, 14)],
            "zero_copy": Switch,
            "secret": str,
        },
    ),
    "tap": (_tap, {}),
    "af_packet": (_af_packet, {"framesz": int, "framecnt": Count, "qdisc_bypass": Switch}),
    "af_xdp": (_af_xdp, {"start_queue": Annotated[int, Between(0)], "force_copy": Switch}),
    "pci": (_pci, None),
}
