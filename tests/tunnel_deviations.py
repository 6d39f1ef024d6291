# SPDX-License-Identifier: BSD-3-Clause
"""The table of malformed outer frames, datasets/tunnel_deviations.csv: how each of them is made.

    python -m tests.tunnel_deviations   writes the frames and the verdicts anew

Every frame is a good one that differs from the standard in a single way; lengths and checksums
around the change are right, unless they are the change. What Linux and Open vSwitch do is measured
by tests/interop/test_tunnel_deviations.py.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from labkit._codec import ffi, lib

import labkit as lk
from labkit.packet.codec import VERDICTS
from labkit.packet.tunnel import STRICTNESS
from tests.tunnels import FRAMES, V4, V6, ip_at, is_ipv4, put, udp_at, with_checksums, with_lengths

FILE = Path(__file__).parents[1] / "datasets" / "tunnel_deviations.csv"
COLUMNS = (
    *("deviation", "protocol", "outer", "layer", "what", "source"),
    *("rfc", "linux", "ovs", "linux_device", "open_vswitch", "frame"),
)
INNER = FRAMES["udp_v4"]
GOOD: dict[str, Callable[[int], lk.Tunnel]] = {
    "vxlan": lambda version: lk.Vxlan(vni=42, **(V4 if version == 4 else V6)),
    "geneve": lambda version: lk.Geneve(vni=42, **(V4 if version == 4 else V6)),
    "gue": lambda version: lk.Gue(**(V4 if version == 4 else V6)),
}


@dataclass(frozen=True)
class Deviation:
    """One way to differ. change: from the good outer frame to this one."""

    name: str
    protocol: str
    outer: int
    layer: str
    what: str
    source: str
    change: Callable[[bytes], bytes]

    @property
    def frame(self) -> bytes:
        return self.change(GOOD[self.protocol](self.outer).encap(INNER))


def at_ip(offset: int, data: str, *, checksum: bool = True) -> Callable[[bytes], bytes]:
    """Other bytes in the outer IP header."""

    def change(frame: bytes) -> bytes:
        changed = put(frame, ip_at(frame) + offset, bytes.fromhex(data))
        return with_checksums(changed) if checksum else changed

    return change


def at_udp(offset: int, data: str, *, checksum: bool = True) -> Callable[[bytes], bytes]:
    """Other bytes in the outer UDP header, or from 8 on in the tunnel header."""

    def change(frame: bytes) -> bytes:
        changed = put(frame, udp_at(frame) + offset, bytes.fromhex(data))
        return with_checksums(changed) if checksum else changed

    return change


def cut_behind_udp(length: int) -> Callable[[bytes], bytes]:
    """A frame that ends so many bytes behind the UDP header, and knows it."""
    return lambda frame: with_lengths(frame[: udp_at(frame) + 8 + length])


def from_tunnel(
    header: str, inner: bytes = INNER, length: int | None = None
) -> Callable[[bytes], bytes]:
    """Another tunnel header and what is carried."""

    def change(frame: bytes) -> bytes:
        carried = (bytes.fromhex(header) + inner)[:length]
        return with_lengths(frame[: udp_at(frame) + 8] + carried)

    return change


def extension(first: int, headers: str) -> Callable[[bytes], bytes]:
    """Extension headers between IPv6 and UDP."""

    def change(frame: bytes) -> bytes:
        data = bytes.fromhex(headers)
        length = int.from_bytes(frame[18:20], "big") + len(data)
        longer = put(frame, 18, length.to_bytes(2, "big") + bytes([first]))
        return longer[:54] + data + longer[54:]

    return change


def ip_options(frame: bytes) -> bytes:
    longer = put(frame, 14, b"\x46")[:34] + b"\x01\x01\x01\x00" + frame[34:]
    return with_checksums(put(longer, 16, (len(longer) - 14).to_bytes(2, "big")))


def ecn(outer: int, inner: int) -> Callable[[bytes], bytes]:
    """ECN fields of both headers."""

    def change(frame: bytes) -> bytes:
        at = frame.index(INNER[14:20])
        marked = with_checksums(put(frame[at - 14 :], 15, bytes([inner])), udp=False)
        frame = frame[: at - 14] + marked
        at = ip_at(frame)
        if is_ipv4(frame):
            return with_checksums(put(frame, at + 1, bytes([outer])))
        return with_checksums(put(frame, at + 1, bytes([frame[at + 1] & 0xCF | outer << 4])))

    return change


def with_udp_checksum(frame: bytes) -> bytes:
    """A right UDP checksum where there was none."""
    return with_checksums(put(frame, udp_at(frame) + 6, b"\1\1"))


# name, layer, what, source, change: of IPv4, IPv6 and UDP around every protocol
OUTER_4 = (
    ("none", "none", "a good frame", "", lambda frame: frame),
    ("bytes_after_packet", "link", "padding behind the IP packet", "IEEE 802.3 3.2.7",
     lambda frame: frame + bytes(7)),
    ("other_mac", "link", "another destination MAC address", "IEEE 802.3 3.2.3",
     lambda frame: bytes.fromhex("0200000000cc") + frame[6:]),
    ("ipv4_version", "ip", "version 5", "RFC 791 3.1", at_ip(0, "55")),
    ("ipv4_header_length", "ip", "header length 4 words", "RFC 791 3.1", at_ip(0, "44")),
    ("ipv4_header_length_long", "ip", "header length past the packet's end", "RFC 791 3.1",
     lambda frame: with_lengths(put(frame, 14, b"\x4f"))[:70]),
    ("ipv4_length_short", "ip", "total length inside of the UDP header", "RFC 791 3.1",
     at_ip(2, "0018")),
    ("ipv4_length_long", "ip", "total length past the frame", "RFC 791 3.1", at_ip(2, "0400")),
    ("ipv4_checksum", "ip", "wrong header checksum", "RFC 1122 3.2.1.2",
     at_ip(10, "1234", checksum=False)),
    ("ipv4_more_fragments", "ip", "MF: the first fragment", "RFC 791 3.2", at_ip(6, "2000")),
    ("ipv4_fragment_offset", "ip", "a later fragment", "RFC 791 3.2", at_ip(6, "0010")),
    ("ipv4_reserved_flag", "ip", "the reserved flag is set", "RFC 791 3.1", at_ip(6, "8000")),
    ("ipv4_may_fragment", "ip", "DF is clear", "RFC 791 3.1", at_ip(6, "0000")),
    ("ipv4_ttl_0", "ip", "TTL 0", "RFC 1122 3.2.1.7", at_ip(8, "00")),
    ("ipv4_ttl_1", "ip", "TTL 1", "RFC 1122 3.2.1.7", at_ip(8, "01")),
    ("ipv4_options", "ip", "a header with options", "RFC 791 3.1", ip_options),
    ("ipv4_options_malformed", "ip", "an IPv4 option of length 0", "RFC 791 3.1",
     lambda frame: with_checksums(put(ip_options(frame), 34, b"\x83\0\0\0"))),
    ("ipv4_source_loopback", "ip", "source 127.0.0.1", "RFC 1122 3.2.1.3", at_ip(12, "7f000001")),
    ("ipv4_source_multicast", "ip", "source 224.0.0.1", "RFC 1122 3.2.1.3",
     at_ip(12, "e0000001")),
    ("other_address", "ip", "another destination address", "RFC 1122 3.2.1.3",
     at_ip(16, "c0000263")),
    ("udp_length_short", "udp", "UDP length below 8", "RFC 768", at_udp(4, "0007")),
    ("udp_length_long", "udp", "UDP length past the packet", "RFC 768", at_udp(4, "0400")),
    ("udp_checksum_wrong", "udp", "a UDP checksum that is wrong", "RFC 7348 4.3",
     lambda frame: at_udp(6, "1234", checksum=False)(with_udp_checksum(frame))),
    ("udp_checksum_right", "udp", "a UDP checksum, which is right", "RFC 7348 4.3",
     with_udp_checksum),
    ("udp_other_port", "udp", "another UDP port", "RFC 7348 5", at_udp(2, "1111")),
    ("udp_source_port_0", "udp", "source port 0", "RFC 768", at_udp(0, "0000")),
)  # fmt: skip
OUTER_6 = (
    ("none", "none", "a good frame", "", lambda frame: frame),
    ("ipv6_version", "ip", "version 4 behind EtherType 0x86dd", "RFC 8200 3",
     at_ip(0, "40", checksum=False)),
    ("ipv6_length_long", "ip", "payload length past the frame", "RFC 8200 3",
     at_ip(4, "0400", checksum=False)),
    ("ipv6_hop_by_hop", "ip", "a hop-by-hop header", "RFC 8200 4.3",
     extension(0, "1100010400000000")),
    ("ipv6_destination_options", "ip", "a destination options header", "RFC 8200 4.6",
     extension(60, "1100010400000000")),
    ("ipv6_two_extensions", "ip", "hop-by-hop, then destination options", "RFC 8200 4.1",
     extension(0, "3c000104000000001100010400000000")),
    ("ipv6_hop_by_hop_late", "ip", "hop-by-hop behind another header", "RFC 8200 4.1",
     extension(60, "00000104000000001100010400000000")),
    ("ipv6_many_extensions", "ip", "nine extension headers", "RFC 8504 5.3",
     extension(60, "3c00010400000000" * 8 + "1100010400000000")),
    ("ipv6_extension_long", "ip", "an extension header past the packet", "RFC 8200 4",
     extension(60, "11ff010400000000")),
    ("ipv6_option_unknown", "ip", "an unknown option that says: discard", "RFC 8200 4.2",
     extension(60, "11007e0400000000")),
    ("ipv6_option_skipped", "ip", "an unknown option that says: skip", "RFC 8200 4.2",
     extension(60, "11001e0400000000")),
    ("ipv6_option_long", "ip", "an option past its extension header", "RFC 8200 4.2",
     extension(60, "1100010500000000")),
    ("ipv6_fragment", "ip", "the first fragment", "RFC 8200 4.5",
     extension(44, "1100000100000001")),
    ("ipv6_fragment_offset", "ip", "a later fragment", "RFC 8200 4.5",
     extension(44, "1100008000000001")),
    ("ipv6_atomic_fragment", "ip", "a fragment that is the whole", "RFC 6946",
     extension(44, "1100000000000001")),
    ("ipv6_segments_left", "ip", "a routing header with segments left", "RFC 5095",
     extension(43, "1100000100000000")),
    ("ipv6_hop_limit_0", "ip", "hop limit 0", "RFC 8200 3", at_ip(7, "00")),
    ("ipv6_source_multicast", "ip", "source ff02::1", "RFC 4291 2.7", at_ip(8, "ff02")),
    ("udp_checksum_wrong", "udp", "a UDP checksum that is wrong", "RFC 8200 8.1",
     at_udp(6, "1234", checksum=False)),
    ("udp_checksum_zero", "udp", "a zero UDP checksum", "RFC 8200 8.1",
     at_udp(6, "0000", checksum=False)),
    ("udp_length_short", "udp", "UDP length below 8", "RFC 768",
     at_udp(4, "0007", checksum=False)),
    ("udp_length_long", "udp", "UDP length past the packet", "RFC 768",
     at_udp(4, "0400", checksum=False)),
)  # fmt: skip
ECN_NAMES = ("Not-ECT", "ECT(1)", "ECT(0)", "CE")
TUNNEL = {
    "vxlan": (
        ("header_truncated", "header", "7 bytes of header", "RFC 7348 5", cut_behind_udp(7)),
        ("header_missing", "header", "an empty datagram", "RFC 7348 5", cut_behind_udp(0)),
        ("no_vni_flag", "header", "the I flag is clear", "RFC 7348 5", at_udp(8, "00")),
        ("flags_without_i", "header", "all flags but I", "RFC 7348 5", at_udp(8, "f7")),
        ("gpe_protocol_flag", "header", "the P flag of VXLAN-GPE",
         "draft-ietf-nvo3-vxlan-gpe 3.1", at_udp(8, "0c000003")),
        ("gbp_flag", "header", "the G flag of the group policy extension",
         "draft-smith-vxlan-group-policy 2.1", at_udp(8, "88000001")),
        ("reserved_flags", "header", "a reserved flag is set", "RFC 7348 5", at_udp(8, "09")),
        ("reserved_24_bits", "header", "reserved bits behind the flags", "RFC 7348 5",
         at_udp(9, "000100")),
        ("reserved_8_bits", "header", "the byte behind the VNI", "RFC 7348 5", at_udp(15, "01")),
        ("other_vni", "header", "another VNI", "RFC 7348 4.1", at_udp(12, "00002b")),
        ("vni_0", "header", "VNI 0", "RFC 7348 5", at_udp(12, "000000")),
        ("inner_missing", "inner", "nothing is carried", "IEEE 802.3 3.1.1", cut_behind_udp(8)),
        ("inner_truncated", "inner", "13 bytes are carried", "IEEE 802.3 3.1.1",
         cut_behind_udp(21)),
        ("inner_header_only", "inner", "an Ethernet header alone", "IEEE 802.3 3.1.1",
         cut_behind_udp(22)),
    ),
    "geneve": (
        ("header_truncated", "header", "7 bytes of header", "RFC 8926 3.4", cut_behind_udp(7)),
        ("header_missing", "header", "an empty datagram", "RFC 8926 3.4", cut_behind_udp(0)),
        ("version_1", "header", "version 1", "RFC 8926 3.4", at_udp(8, "40")),
        ("version_3", "header", "version 3", "RFC 8926 3.4", at_udp(8, "c0")),
        ("options_past_end", "header", "option length past the datagram", "RFC 8926 3.4",
         at_udp(8, "3f")),
        ("control", "header", "the O bit is set", "RFC 8926 3.4", at_udp(9, "80")),
        ("critical_without_option", "header", "the C bit without an option", "RFC 8926 3.4",
         at_udp(9, "40")),
        ("reserved_6_bits", "header", "reserved bits behind O and C", "RFC 8926 3.4",
         at_udp(9, "3f")),
        ("reserved_8_bits", "header", "the byte behind the VNI", "RFC 8926 3.4",
         at_udp(15, "ff")),
        ("protocol_unknown", "header", "protocol type 0x8847", "RFC 8926 3.4",
         at_udp(10, "8847")),
        ("protocol_ipv4", "inner", "IPv4 without Ethernet", "RFC 8926 3.4",
         from_tunnel("0000080000002a00", INNER[14:])),
        ("protocol_ipv4_but_ethernet", "inner", "protocol type 0x0800, and Ethernet inside",
         "RFC 8926 3.4", at_udp(10, "0800")),
        ("other_vni", "header", "another VNI", "RFC 8926 4.1", at_udp(12, "00002b")),
        ("unknown_option", "options", "an option that nobody knows", "RFC 8926 3.5",
         from_tunnel("0200655800002a00 ffee010101020304")),
        ("unknown_critical_option", "options", "a critical option that nobody knows",
         "RFC 8926 3.5", from_tunnel("0240655800002a00 ffee810101020304")),
        ("critical_option_without_c", "options", "a critical option, and C is clear",
         "RFC 8926 3.4", from_tunnel("0200655800002a00 ffee810101020304")),
        ("option_past_options", "options", "an option longer than the options", "RFC 8926 3.5",
         from_tunnel("0200655800002a00 ffee010201020304")),
        ("option_reserved_bits", "options", "reserved bits of an option", "RFC 8926 3.5",
         from_tunnel("0200655800002a00 ffee01e101020304")),
        ("options_252", "options", "63 words of options", "RFC 8926 3.4",
         from_tunnel("3f00655800002a00" + "ffee0100" * 63)),
        ("inner_missing", "inner", "nothing is carried", "IEEE 802.3 3.1.1", cut_behind_udp(8)),
        ("inner_truncated", "inner", "13 bytes are carried", "IEEE 802.3 3.1.1",
         cut_behind_udp(21)),
    ),
    "gue": (
        ("header_truncated", "header", "3 bytes of header", "draft-ietf-intarea-gue-09 3.1",
         cut_behind_udp(3)),
        ("header_missing", "header", "an empty datagram", "draft-ietf-intarea-gue-09 3.1",
         cut_behind_udp(0)),
        ("variant_2", "header", "variant 2", "draft-ietf-intarea-gue-09 3", at_udp(8, "80")),
        ("variant_3", "header", "variant 3", "draft-ietf-intarea-gue-09 3", at_udp(8, "c0")),
        ("control", "header", "the C bit is set", "draft-ietf-intarea-gue-09 3.2.1",
         at_udp(8, "20")),
        ("header_past_end", "header", "header length past the datagram",
         "draft-ietf-intarea-gue-09 3.1", at_udp(8, "1f")),
        ("private_data", "header", "4 bytes of private data", "draft-ietf-intarea-gue-09 3.4",
         from_tunnel("01040000 00000000", INNER[14:])),
        ("unknown_flag", "header", "a flag that nobody knows", "draft-ietf-intarea-gue-09 3.3",
         from_tunnel("01048000 00000000", INNER[14:])),
        ("flag_field_missing", "header", "a flag whose field is not there",
         "draft-ietf-intarea-gue-09 3.3", at_udp(10, "0001")),
        ("private_flags_0", "header", "private flags, all clear",
         "draft-ietf-intarea-gue-09 3.3", from_tunnel("01040001 00000000", INNER[14:])),
        ("private_flag_unknown", "header", "a private flag that nobody knows",
         "draft-ietf-intarea-gue-09 3.3", from_tunnel("01040001 00000001", INNER[14:])),
        ("protocol_unknown", "header", "protocol 59: no next header",
         "draft-ietf-intarea-gue-09 3.2.1", at_udp(9, "3b")),
        ("protocol_6_but_4", "inner", "protocol IPv6, and IPv4 inside", "RFC 8200 3",
         at_udp(9, "29")),
        ("variant_1_ipv4", "inner", "variant 1: IPv4 without a GUE header",
         "draft-ietf-intarea-gue-09 4", from_tunnel("", INNER[14:])),
        ("variant_1_version_5", "inner", "variant 1 with IP version 5",
         "draft-ietf-intarea-gue-09 4", from_tunnel("55", INNER[15:])),
        ("variant_1_truncated", "inner", "variant 1 with 19 bytes of IPv4", "RFC 791 3.1",
         from_tunnel("", INNER[14:], 19)),
        ("gre_ethernet", "inner", "Ethernet in GRE", "RFC 2784",
         from_tunnel("002f0000 00006558")),
        ("gre_reserved_bits", "inner", "reserved bits of GRE", "RFC 2784 2.3",
         from_tunnel("002f0000 04006558")),
        ("etherip", "inner", "Ethernet in EtherIP", "RFC 3378", from_tunnel("00610000 3000")),
        ("etherip_version", "inner", "EtherIP version 4", "RFC 3378 3",
         from_tunnel("00610000 4000")),
        ("inner_missing", "inner", "nothing is carried", "RFC 791 3.1", cut_behind_udp(4)),
        ("inner_truncated", "inner", "19 bytes of IPv4", "RFC 791 3.1", cut_behind_udp(23)),
    ),
}  # fmt: skip


def deviations() -> Iterator[Deviation]:
    """Outer headers around VXLAN and GENEVE, whose receivers can be had; all tunnel headers."""
    for protocol in ("vxlan", "geneve"):
        for version, rows in ((4, OUTER_4), (6, OUTER_6)):
            for row in rows:
                yield Deviation(f"{protocol}{version}_{row[0]}", protocol, version, *row[1:])
        for outer in range(4):
            for inner in range(4):
                yield Deviation(
                    f"{protocol}4_ecn_{outer}_{inner}", protocol, 4, "ecn",
                    f"outer {ECN_NAMES[outer]}, inner {ECN_NAMES[inner]}", "RFC 6040 4.2",
                    ecn(outer, inner),
                )  # fmt: skip
    for protocol, rows in TUNNEL.items():
        for row in rows:
            yield Deviation(f"{protocol}4_{row[0]}", protocol, 4, *row[1:])


def verdict(deviation: Deviation, strictness: str) -> str:
    """What our receiver makes of it: the name of the verdict, "next" when it takes the frame."""
    end = replace(GOOD[deviation.protocol](deviation.outer).peer, strictness=strictness)
    batch = lk.FrameBatch.pack([deviation.frame])
    lib.lk_codec_decap(end.native(is_end=True), batch.native, ffi.new("struct lk_decapsulated *"))
    return VERDICTS[batch.verdicts[0]].name


def stored() -> dict[str, dict[str, str]]:
    """The file's rows by deviation."""
    with FILE.open(newline="") as file:
        return {row["deviation"]: row for row in csv.DictReader(file)}


def write(measured: dict[str, dict[str, str]]) -> None:
    """Writes the file. measured: linux_device and open_vswitch by deviation."""
    with FILE.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for deviation in deviations():
            real = measured.get(deviation.name, {})
            writer.writerow(
                {
                    "deviation": deviation.name,
                    "protocol": deviation.protocol,
                    "outer": f"IPv{deviation.outer}",
                    "layer": deviation.layer,
                    "what": deviation.what,
                    "source": deviation.source,
                    **{name: verdict(deviation, name) for name in STRICTNESS},
                    "linux_device": real.get("linux_device", ""),
                    "open_vswitch": real.get("open_vswitch", ""),
                    "frame": deviation.frame.hex(),
                }
            )


if __name__ == "__main__":
    write(stored() if FILE.exists() else {})
