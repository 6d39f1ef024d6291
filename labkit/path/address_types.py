# SPDX-License-Identifier: BSD-3-Clause
"""Types of parameters that say who an endpoint is: IP addresses, MAC, UDP port, tunnel."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from labkit.arguments.hints import is_many
from labkit.errors import PathError, TunnelError
from labkit.packet.host_address import why_no_host
from labkit.packet.mac import HOW_TO_WRITE, is_group, is_mac
from labkit.path.values import MOST_LETTERS, ChoiceType, ParamType, Value, WholeType
from labkit.text import shortened, shown

# Of each IP version, as in native/packet/endpoint.h: paths are made without native modules
MOST_ADDRESSES = 16


@dataclass(frozen=True)
class UdpPortType(WholeType):
    """A UDP port that a responder listens on."""

    lowest: int = 1
    highest: int = 65535

    def lines(self, value: Value) -> list[str]:
        """The port."""
        return [f"UDP port {value}"] if value else []


@dataclass(frozen=True)
class AddressesType(ParamType):
    """IP addresses that a node answers to.

    looks_at: the only IP version that it looks at
    """

    looks_at: int | None = None
    FIX: ClassVar[str] = 'give at least one address such as ["10.0.0.2/24", "fd00::2/64"]'

    def given(self, value: Any) -> Value:
        """Addresses as a list; a single one may be text."""
        if isinstance(value, str):
            return [value]
        if not is_many(value):
            raise PathError(f"addresses is {shown(value)}; {self.FIX}")
        return [str(address) for address in value]

    def check(self, where: str, name: str, value: Value) -> Value:
        """Such as a host can have, and no more than the engine takes."""
        if not isinstance(value, list) or not value:
            raise PathError(f"node {where}: {name} is {shown(value)}; {self.FIX}")
        versions = [self._version(where, text) for text in value]
        for version in (4, 6):
            if versions.count(version) > MOST_ADDRESSES:
                raise PathError(
                    f"node {where}: {versions.count(version)} IPv{version} addresses; at most "
                    f"{MOST_ADDRESSES} of each version"
                )
        return value

    def lines(self, value: Value) -> list[str]:
        """The addresses that it looks at, those that fit on a line."""
        assert isinstance(value, list)
        only = self.looks_at
        shown = [a for a in value if only in (None, ipaddress.ip_interface(a).version)]
        if not shown:
            return [f"no IPv{only} address"]
        line = shown[0]
        for place, address in enumerate(shown[1:], start=1):
            if len(f"{line}, {address}") > MOST_LETTERS - 4:
                return [f"{shortened(line, MOST_LETTERS - 5)} + {len(shown) - place}"]
            line = f"{line}, {address}"
        return [line]

    @staticmethod
    def _version(where: str, text: object) -> int:
        try:
            if not isinstance(text, str):
                raise ValueError
            address = ipaddress.ip_interface(text)
        except ValueError:
            raise PathError(
                f"node {where}: {shown(text)} is no IP address; write it as 10.0.0.2/24 or "
                "fd00::2/64, the prefix length may be left out"
            ) from None
        if kind := why_no_host(address):
            raise PathError(
                f"node {where}: {shown(text)} is no address that a host can have but {kind}; give "
                "a host's such as 10.0.0.2/24 or fd00::2/64"
            )
        return address.version


class BorrowsMac(ParamType):
    """A type that may lack a MAC address, which a port then lends."""

    param: ClassVar[str]  # that asks the user for it

    def is_lacking(self, value: Value) -> bool:
        """Whether it has none."""
        raise NotImplementedError

    def filled(self, value: Value, mac: str) -> Value:
        """The value with this one."""
        raise NotImplementedError

    def without(self, value: Value, mac: str) -> Value:
        """The value without this one, so that another port may lend its own."""
        raise NotImplementedError

    @property
    def lender(self) -> Literal["rx", "tx"]:
        """The port that lends it: that frames come from, or that they go to."""
        return "rx"


class MacType(BorrowsMac):
    """The MAC address of a host."""

    param = "mac"

    def check(self, where: str, name: str, value: Value) -> Value:
        """Of one host, in lower case."""
        if not isinstance(value, str) or not is_mac(value):
            raise PathError(f"node {where}: {name} is {shown(value)}; {HOW_TO_WRITE}")
        if is_group(value):
            raise PathError(
                f"node {where}: {name} {value} is a group address; the lowest bit of the "
                "first byte of a host's address is 0"
            )
        return value.lower()

    def is_lacking(self, value: Value) -> bool:
        """Whether none was given."""
        return value is None

    def filled(self, value: Value, mac: str) -> Value:
        """The port's."""
        return mac

    def without(self, value: Value, mac: str) -> Value:
        """None in its place."""
        return None if value == mac else value


class TunnelLike(Protocol):
    """What is asked of a tunnel object: lk.Vxlan, lk.Geneve or lk.Gue."""

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        ...

    def check_can_send(self, *, in_path: bool = False) -> None:
        """Raises TunnelError with what is not set."""
        ...


@dataclass(frozen=True)
class TunnelType(BorrowsMac):
    """A tunnel as data.

    sends: frames are put into it, not only taken out
    """

    sends: bool = False
    param: ClassVar[str] = "local_mac"

    # The objects bring in the codec, which a path as data can do without: they are imported late.

    def given(self, value: Any) -> Value:
        """The data of a tunnel object, which must be able to send where frames go in."""
        from labkit.packet.tunnels import Tunnel

        if not isinstance(value, Tunnel):
            raise PathError(
                f"{shown(value)} is no tunnel; make one with lk.Vxlan, lk.Geneve or lk.Gue"
            )
        if self.sends:
            value.check_can_send(in_path=True)
        return value.to_dict()

    def check(self, where: str, name: str, value: Value) -> Value:
        """All of its parameters."""
        from labkit.packet.tunnels import from_dict

        try:
            return from_dict(value).to_dict()
        except TunnelError as error:
            raise PathError(f"node {where}: {error}") from None

    def lines(self, value: Value) -> list[str]:
        """Protocol and network; the two ends."""
        assert isinstance(value, Mapping)
        protocol = str(value["protocol"]).upper()
        if "vni" in value:
            vni = value["vni"]
            protocol += ", any VNI" if vni is None else f", VNI {vni}"
        ends = [str(value[end]) for end in ("local", "remote") if value[end]]
        return [protocol, shortened(" to ".join(ends), MOST_LETTERS)] if ends else [protocol]

    def is_lacking(self, value: Value) -> bool:
        """Whether its end has no MAC address of its own."""
        return isinstance(value, Mapping) and value["local_mac"] is None

    def filled(self, value: Value, mac: str) -> Value:
        """With the port's as that of its end."""
        assert isinstance(value, Mapping)
        return {**value, "local_mac": mac}

    def without(self, value: Value, mac: str) -> Value:
        """None as that of its end."""
        assert isinstance(value, Mapping)
        return {**value, "local_mac": None} if value["local_mac"] == mac else value

    @property
    def lender(self) -> Literal["rx", "tx"]:
        """What is put into a tunnel leaves by its port."""
        return "tx" if self.sends else "rx"


@dataclass(frozen=True)
class UnknownVniType(ChoiceType):
    """What the node's tunnel, named before, does with a VNI that is not its own."""

    words: tuple[str, ...] = ("drop", "pass")
