# SPDX-License-Identifier: BSD-3-Clause
"""The header codec as functions over bytes: the code that the graph nodes run, without DPDK."""

import base64
import ipaddress
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from labkit._codec import ffi, lib
from labkit.packet.edges import MOST_OUTPUTS, MOST_OWN_DROPS, OUTPUT, OWN_DROP
from labkit.packet.mac import mac_bytes

ROOM = 256  # bytes around a frame that an answer may grow into


@dataclass(frozen=True)
class Verdict:
    """What a node decided about a frame: `next`, `other`, or the reason it refused it.

    Attributes
    ----------
    number: as in the native enum lk_verdict
    name: as in the drop node "drop_<name>" and in the ledger
    sentence: what it means
    source: the RFC section or DPDK function it comes from
    """

    number: int
    name: str
    sentence: str
    source: str

    @property
    def is_drop(self) -> bool:
        """Whether it is a reason to refuse a frame."""
        return self.name not in ("next", "other")


def _read_verdicts() -> tuple[Verdict, ...]:
    found: list[Verdict] = []
    while (name := lib.lk_verdict_name(len(found))) != ffi.NULL:
        number = len(found)
        texts = (name, lib.lk_verdict_sentence(number), lib.lk_verdict_source(number))
        found.append(Verdict(number, *(ffi.string(text).decode() for text in texts)))
    return tuple(found)


VERDICTS = _read_verdicts()
VERDICT_BY_NAME = {verdict.name: verdict for verdict in VERDICTS}
# What the edge of each verdict is called: an output, or the drop node that it leads to. Behind them
# are outputs whose names are the node's own.
EDGES = (
    *(f"drop_{v.name}" if v.is_drop else v.name for v in VERDICTS),
    *(f"{OUTPUT}{number}" for number in range(MOST_OUTPUTS)),
    *(f"{OWN_DROP}{number}" for number in range(MOST_OWN_DROPS)),
)


@dataclass(frozen=True)
class Endpoint:
    """Who a responder is: MAC, IP addresses (a prefix length may follow), UDP port (0: none)."""

    mac: str
    addresses: tuple[str, ...]
    udp_port: int = 0


def checksum(data: bytes) -> int:
    """The Internet checksum of the bytes (RFC 1071), as a number."""
    result: int = lib.lk_codec_checksum(data, len(data))
    return result


def handle(kind: str, frame: bytes, endpoint: Endpoint | None = None) -> tuple[Verdict, bytes]:
    """What a node of this kind does with a frame: its verdict and the frame as it leaves the node.

    Kinds: arp_responder, nd_responder, icmp_echo, udp_echo, refuse, reflect.
    """
    room = len(frame) + 2 * ROOM
    buffer = ffi.new("uint8_t[]", room)
    ffi.memmove(buffer + ROOM, frame, len(frame))
    offset, length = ffi.new("uint32_t *", ROOM), ffi.new("uint32_t *", len(frame))
    number = lib.lk_codec_handle(
        kind.encode(), buffer, room, offset, length, native_endpoint(endpoint)
    )
    if number < 0:
        raise ValueError(f"{kind!r} is no kind of node that works on single frames")
    return VERDICTS[number], bytes(ffi.buffer(buffer + offset[0], length[0]))


def signature(frame: bytes) -> tuple[int, int, int] | None:
    """Stream, sequence number and TSC of a measured frame; None when it carries no signature."""
    stream, sequence = ffi.new("uint16_t *"), ffi.new("uint32_t *")
    tsc = ffi.new("uint64_t *")
    if not lib.lk_codec_signature(frame, len(frame), stream, sequence, tsc):
        return None
    return stream[0], sequence[0], tsc[0]


def make_frames(stream: Mapping[str, Any], count: int, signature: bytes = b"") -> list[bytes]:
    """The first frames of a compiled stream (labkit.traffic.compile), as the generator makes them.

    signature: sequence number and TSC (12 bytes) instead of 0, 1, 2, … and 0.
    """
    keep_alive: list[Any] = []
    templates = native_templates(ffi, stream, keep_alive)
    fields = native_fields(ffi, stream, keep_alive)
    checksums = len(stream["templates"][0]["checksums"])
    frames = []
    for n in range(count):
        template = templates[stream["order"][n % len(stream["order"])]]
        frame = ffi.new("uint8_t[]", template.length)
        sequence = int.from_bytes(signature[:4], "big") if signature else n
        tsc = int.from_bytes(signature[4:], "big")
        lib.lk_codec_make_frame(
            frame,
            ffi.addressof(template),
            fields,
            len(stream["fields"]),
            checksums,
            stream["has_signature"],
            sequence,
            tsc,
        )
        frames.append(bytes(ffi.buffer(frame)))
    return frames


def native_templates(module: Any, stream: Mapping[str, Any], keep_alive: list[Any]) -> Any:
    """struct lk_template[] of a compiled stream, made by a native module's ffi."""
    templates = module.new("struct lk_template[]", len(stream["templates"]))
    for native, template in zip(templates, stream["templates"], strict=True):
        data = bytes.fromhex(template["data"])
        buffer = module.new("uint8_t[]", data)
        keep_alive.append(buffer)
        native.bytes, native.length, native.head = buffer, len(data), template["head"]
        for checksum, values in zip(native.checksums, template["checksums"], strict=False):
            checksum.offset, checksum.is_udp, checksum.base, checksum.signature_factor = values
        if template["sctp"] is not None:
            native.sctp_offset, native.sctp_length, factors = template["sctp"]
            native.sctp_factors[0 : len(factors)] = factors
    return templates


def native_fields(module: Any, stream: Mapping[str, Any], keep_alive: list[Any]) -> Any:
    """struct lk_field[] of a compiled stream, made by a native module's ffi."""
    fields = module.new("struct lk_field[]", max(1, len(stream["fields"])))
    for native, field in zip(fields, stream["fields"], strict=False):
        for name, value in field.items():
            if name == "values":
                buffer = module.new("uint64_t[]", value) if value is not None else module.NULL
                keep_alive.append(buffer)
                native.values = buffer
            elif name == "factors":
                native.factors[0 : len(value)] = value
            else:
                setattr(native, name, value)
        native.stride = 1
        native.is_counter = not (native.is_random or native.values or native.hold > 1)
    return fields


def native_rewrite(module: Any, rewrite: Mapping[str, Any] | None) -> Any:
    """struct lk_rewrite of what Rewrite.to_dict() told, made by a native module's ffi."""
    if rewrite is None:
        return module.NULL
    native = module.new("struct lk_rewrite *")
    vlan = rewrite["vlan"]
    if vlan is None or vlan is False:  # which is 0 to Python, and that is a VLAN
        vlan = lib.LK_REWRITE_AS_IS if vlan is None else lib.LK_REWRITE_NO_VLAN
    native.vlan = vlan
    native.mac_count, native.net_count = len(rewrite["macs"]), len(rewrite["ips"])
    for mac, pair in zip(native.macs, rewrite["macs"], strict=False):
        setattr(mac, "from", mac_bytes(pair[0]))
        mac.to = mac_bytes(pair[1])
    for net, pair in zip(native.nets, rewrite["ips"], strict=False):
        before, after = map(ipaddress.ip_network, pair)
        net.version, net.bits = before.version, before.prefixlen
        size = len(before.network_address.packed)
        getattr(net, "from")[0:size] = before.network_address.packed
        net.to[0:size] = after.network_address.packed
    return native


def native_side(module: Any, side: Mapping[str, Any] | None, keep_alive: list[Any]) -> Any:
    """struct lk_side of what Side.to_dict() told, made by a native module's ffi."""
    if side is None:
        return module.NULL
    bits = module.new("uint8_t[]", zlib.decompress(base64.b64decode(side["bits"])))
    native = module.new("struct lk_side *", (bits, side["frames"], side["is_client"]))
    keep_alive += [bits, native]
    return native


def native_endpoint(endpoint: Endpoint | None) -> object:
    """struct lk_endpoint; None: one without addresses."""
    if endpoint is None:
        return ffi.new("struct lk_endpoint *")
    return ffi.new(
        "struct lk_endpoint *",
        {
            "mac": mac_bytes(endpoint.mac),
            "udp_port": endpoint.udp_port,
            **packed_addresses(endpoint.addresses),
        },
    )


def packed_addresses(addresses: Iterable[str]) -> dict[str, int | list[int] | list[bytes]]:
    """The address fields of struct lk_endpoint."""
    parsed = [ipaddress.ip_interface(address) for address in addresses]
    ipv4 = [address for address in parsed if address.version == 4]
    ipv6 = [address for address in parsed if address.version == 6]
    return {
        "ipv4_count": len(ipv4),
        "ipv6_count": len(ipv6),
        "ipv4": [address.packed for address in ipv4],
        "ipv4_hosts": [_host_bits(address.network) for address in ipv4],
        "ipv6": [address.packed for address in ipv6],
    }


def _host_bits(network: ipaddress.IPv4Network) -> int:
    """Those that are the host's in an address; 0 where they leave none for a broadcast (RFC 3021),
    as in an address without a prefix length."""
    return int(network.hostmask) if network.prefixlen < 31 else 0
