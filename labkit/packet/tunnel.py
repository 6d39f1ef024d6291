# SPDX-License-Identifier: BSD-3-Clause
"""What all tunnels have in common: addresses, what they cost, frames in and out."""

import ipaddress
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeVar

from labkit._codec import ffi, lib
from labkit.arguments.hints import Between, IpAddress, MacAddress, UdpPort
from labkit.errors import Refused, TunnelError
from labkit.packet.codec import Verdict
from labkit.packet.decapsulated import Decapsulated, describe
from labkit.packet.frame_bytes import frame_bytes
from labkit.packet.mac import mac_bytes
from labkit.packet.one_frame import OneFrame, like
from labkit.packet.tunnel_addresses import check_ends, check_mac

if TYPE_CHECKING:
    import numpy as np
    from scapy.packet import Packet

    from labkit.packet.batch import FrameBatch

AnyFrame = TypeVar("AnyFrame", bytes, "Packet")

ETHERNET, IPV4, IPV6, UDP = 14, 20, 40, 8  # header lengths in bytes
Vni = Annotated[int, Between(0, 2**24 - 1)]


def _names(enum: str) -> tuple[str, ...]:
    """The names of a native enum in the order of their numbers, such as "vxlan" for LK_VXLAN."""
    elements = ffi.typeof(f"enum {enum}").elements
    return tuple(elements[n].removeprefix("LK_").lower() for n in range(len(elements)))


PROTOCOLS = _names("lk_tunnel_protocol")
PAYLOADS = _names("lk_tunnel_payload")
STRICTNESS = _names("lk_strictness")


@dataclass(frozen=True, kw_only=True)
class Tunnel:
    """What the three tunnels have in common. IPv4 or IPv6 outer follows from the addresses.

    Parameters
    ----------
    local, remote: IP addresses of the two ends. An end without them takes what is sent to any
        address, and cannot send.
    local_mac, remote_mac: of the outer Ethernet header. In a path local_mac is the port's when it
        is not given; lab.tunnel() asks for remote_mac with ARP or neighbour discovery.
    inner_mac: destination of the Ethernet header that IP out of a tunnel gets, which then seems to
        come from remote_mac; None: local_mac
    udp_port: destination port of the datagrams
    source_port: None: a hash of the inner flow, 49152 to 65535 (RFC 7348 5)
    ttl: of the outer header, 1 to 255
    dscp: of the outer header, 0 to 63
    dscp_mode: "pipe": `dscp` outside, the inner one unchanged; "uniform": copied out and in
        (RFC 2983 3)
    checksum: send a UDP checksum; None: over IPv6 yes (RFC 8200 8.1), over IPv4 no (RFC 7348 4.3)
    accept_zero_checksum: take datagrams without one over IPv6 (RFC 6935)
    dont_fragment: DF of an IPv4 outer header
    mtu: of the outer IP packet in bytes, 68 to 65535; longer ones are refused
    strictness: whose receiver: "rfc", or "linux" or "ovs" as measured (Linux 6.18, its
        GENEVE 6.1, Open vSwitch 3.1; datasets/tunnel_deviations.csv). GUE of both is not measured.
    """

    _in_words: ClassVar[str] = "a tunnel: lk.Vxlan, lk.Geneve or lk.Gue"
    PROTOCOL: ClassVar[str]
    PAYLOADS: ClassVar[tuple[str, ...]]

    local: IpAddress | None = None
    remote: IpAddress | None = None
    local_mac: MacAddress | None = None
    remote_mac: MacAddress | None = None
    inner_mac: MacAddress | None = None
    udp_port: UdpPort
    source_port: UdpPort | None = None
    ttl: Annotated[int, Between(1, 255)] = 64
    dscp: Annotated[int, Between(0, 63)] = 0
    dscp_mode: Literal["pipe", "uniform"] = "pipe"
    checksum: bool | None = None
    accept_zero_checksum: bool = False
    dont_fragment: bool = True
    mtu: Annotated[int, Between(68, 65535)] | None = None
    strictness: Literal["rfc", "linux", "ovs"] = "rfc"

    def __post_init__(self) -> None:
        check_ends(self.local, self.remote)
        for name in ("local_mac", "remote_mac", "inner_mac"):
            check_mac(name, getattr(self, name), may_be_group=name == "remote_mac")

    # What it costs

    @property
    def ip_version(self) -> int:
        """4 or 6: of the outer header."""
        return ipaddress.ip_address(self.local or self.remote or "0.0.0.0").version

    @property
    def tunnel_header(self) -> int:
        """Bytes between the UDP header and what is carried."""
        raise NotImplementedError

    @property
    def overhead(self) -> int:
        """Bytes that the tunnel puts between the outer Ethernet header and what it carries."""
        return (IPV4 if self.ip_version == 4 else IPV6) + UDP + self.tunnel_header

    @property
    def carries_ethernet(self) -> bool:
        """Whether whole Ethernet frames are carried, or their IP packets alone."""
        return self._payload != "ip"

    def max_inner_mtu(self, mtu: int) -> int:
        """The largest inner IP packet in bytes when the outer one may have `mtu`."""
        return mtu - self.overhead - (ETHERNET if self.carries_ethernet else 0)

    def max_inner_frame(self, mtu: int) -> int:
        """The longest inner frame in bytes (Ethernet header, no FCS) at this outer MTU."""
        return self.max_inner_mtu(mtu) + ETHERNET

    @property
    def peer(self) -> Self:
        """The other end: local and remote changed round."""
        return replace(
            self,
            local=self.remote,
            remote=self.local,
            local_mac=self.remote_mac,
            remote_mac=self.local_mac,
        )

    # Frames

    def encap(self, frame: AnyFrame) -> AnyFrame:
        """Puts a frame into the tunnel: bytes for bytes, a scapy packet for a scapy packet.

        Raises Refused for what does not go in (a frame beyond `mtu`, one that is no IP into an IP
        tunnel), TunnelError when an address or the VNI is not set.
        """
        self.check_can_send()
        raw = frame_bytes(frame, TunnelError)
        room = len(raw) + lib.LK_MAX_TUNNEL_HEADER
        batch = OneFrame(raw, room)
        if not lib.lk_codec_encap(self._native, batch.native):
            raise self._refused_to_send(batch.verdict, raw)
        wrapped: AnyFrame = like(frame, batch.frame)
        return wrapped

    def decap(self, outer: "bytes | Packet", *, any_source: bool = False) -> Decapsulated:
        """Takes a frame out of the tunnel, whichever of the two ends it was sent to.

        any_source: takes it from addresses too that are no host's, such as 127.0.0.1, as Open
        vSwitch does whose tunnel has remote_ip=flow.

        Raises Refused with the verdict and the offset of the byte that is wrong. A frame that is
        none of this tunnel's protocol and port has the verdict "other".
        """
        raw = frame_bytes(outer, TunnelError)
        batch = OneFrame(raw, len(raw))
        found = ffi.new("struct lk_decapsulated *")
        if not lib.lk_codec_decap(self._receiver(any_source), batch.native, found):
            raise Refused(batch.verdict, found.outer.at if batch.verdict.is_drop else None)
        frame, payload = like(outer, batch.frame), PAYLOADS[found.payload]
        return describe(raw, found, frame, payload, has_vni=self.PROTOCOL != "gue")

    def encap_many(self, batch: "FrameBatch") -> "np.ndarray[Any, Any]":
        """Puts every frame of a batch into the tunnel, in place; their verdicts' numbers (uint16).

        A frame that is refused stays as it was. See FrameBatch.
        """
        self.check_can_send()
        lib.lk_codec_encap(self._native, batch.native)
        return batch.verdicts

    def decap_many(
        self, batch: "FrameBatch", *, any_source: bool = False
    ) -> "np.ndarray[Any, Any]":
        """Takes every frame of a batch out of the tunnel, in place; their verdicts' numbers
        (uint16). `batch.vnis` has the VNIs. any_source: as of decap().

        A frame that is refused stays as it was. See FrameBatch.
        """
        found = ffi.new("struct lk_decapsulated *")
        lib.lk_codec_decap(self._receiver(any_source), batch.native, found)
        return batch.verdicts

    # As plain data

    def to_dict(self) -> dict[str, Any]:
        """JSON values: `protocol` and every parameter."""
        named = {f.name: getattr(self, f.name) for f in fields(self)}
        return {"protocol": self.PROTOCOL, **named}

    # Within

    def __getstate__(self) -> dict[str, Any]:
        """The parameters: what was made ready of them stays in this process."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @property
    def _payload(self) -> str:
        return "ethernet"

    def _native_fields(self) -> dict[str, Any]:
        """Fields of struct lk_tunnel that one protocol alone has."""
        raise NotImplementedError

    @cached_property
    def _native(self) -> Any:
        return self.native(is_end=False)

    @cached_property
    def _native_of_any_source(self) -> Any:
        native = self.native(is_end=False)
        native.takes_any_source = True
        return native

    def _receiver(self, any_source: bool) -> Any:
        return self._native_of_any_source if any_source else self._native

    def native(self, *, is_end: bool) -> Any:
        """struct lk_tunnel, made ready. is_end: takes only what is addressed to it."""
        version = self.ip_version
        tunnel = ffi.new(
            "struct lk_tunnel *",
            {
                "protocol": PROTOCOLS.index(self.PROTOCOL),
                "payload": PAYLOADS.index(self._payload),
                "strictness": STRICTNESS.index(self.strictness),
                "ip_version": version,
                "has_local": is_end and self.local is not None,
                "local": _packed(self.local),
                "remote": _packed(self.remote),
                "local_mac": _mac(self.local_mac),
                "remote_mac": _mac(self.remote_mac),
                "inner_mac": _mac(self.inner_mac or self.local_mac),
                "udp_port": self.udp_port,
                "source_port": self.source_port or 0,
                "ttl": self.ttl,
                "dscp": self.dscp,
                "is_uniform": self.dscp_mode == "uniform",
                "is_df_set": self.dont_fragment,
                "sends_checksum": version == 6 if self.checksum is None else self.checksum,
                "takes_zero_checksum": self.accept_zero_checksum or self.strictness == "ovs",
                "mtu": self.mtu or 0,
                **self._native_fields(),
            },
        )
        lib.lk_codec_tunnel_prepare(tunnel)
        return tunnel

    def _missing(self) -> str | None:
        """What has to be set before it can send."""
        for name in ("local", "remote", "remote_mac", "local_mac"):
            if getattr(self, name) is None:
                return name
        return None

    def check_can_send(self, *, in_path: bool = False) -> None:
        """Raises TunnelError with what is not set. In a path a port may lend its local_mac."""
        missing = self._missing()
        if missing is not None and not (in_path and missing == "local_mac"):
            raise TunnelError(
                f"{type(self).__name__}: {missing} is not set, so it can take frames out but put "
                f"none in; pass {missing}="
            )

    def _refused_to_send(self, verdict: Verdict, raw: bytes) -> Refused:
        more = ""
        if verdict.name == "tunnel_too_long":
            mtu = self.mtu or 65535
            more = (
                f" The frame has {len(raw)} bytes; with {self.overhead} bytes of headers and an "
                f"outer MTU of {mtu} at most {self.max_inner_frame(mtu)} fit."
            )
        return Refused(verdict, None, more)


def _packed(address: str | None) -> bytes:
    return b"" if address is None else ipaddress.ip_address(address).packed


def _mac(address: str | None) -> bytes:
    return mac_bytes(address) if address else bytes(6)
