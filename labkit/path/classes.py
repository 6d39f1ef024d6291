# SPDX-License-Identifier: BSD-3-Clause
"""Classes of frames that have a queue of their own in front of a link."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from typing import Annotated, Any

from labkit.arguments.checked import EVERY, checked
from labkit.errors import FilterError, PathError
from labkit.packet.filter import compile_filter
from labkit.path.cells import MISSING, Column
from labkit.path.dscp import dscp
from labkit.path.function_types import NAME, AmountType
from labkit.path.values import ParamType, Value, WholeType
from labkit.text import near, shown

MOST = 32  # LK_QUEUE_CLASSES
WEIGHT = WholeType(1, 1000)


@checked(PathError, but=EVERY)
@dataclass(frozen=True)
class TrafficClass:
    """Frames that have a queue of their own, and how much of the link they get.

    One is of the class if any of what is given here says so; what is of none is the last one's.

    Attributes
    ----------
    dscp: one or several, by name ("EF", "AF41") or number; of frames with an IP header
    pcp: one or several, 0 to 7; of frames with a VLAN tag (IEEE 802.1Q 6.9.3)
    filter: an expression as tcpdump has them, such as "udp port 5060"
    strict: its frames go before those of all classes below it and of all that have a weight
    weight: its share of what strict classes leave over, beside those of others: 3 gets three times
        as much as 1 while both have frames (deficit round robin, RFC 8290 4.2)
    limit: what it holds, such as "50 packets"; None: the limit of the queue
    """

    dscp: str | int | Iterable[str | int] = ()
    pcp: int | Iterable[int] = ()
    filter: str | None = None
    strict: bool = False
    weight: int = 1
    limit: str | None = None


FIELDS = tuple(TrafficClass.__dataclass_fields__)
NONE = TrafficClass()


class ClassesType(ParamType):
    """Classes by name, in the order in which frames are compared with them."""

    def given(self, value: Any) -> Value:
        """As JSON: what differs from a class of which nothing is said."""
        if not isinstance(value, Mapping):
            raise PathError(
                f"classes is {shown(value)}; it is a dictionary of lk.TrafficClass by name, such "
                'as {"voice": lk.TrafficClass("EF", strict=True), "other": lk.TrafficClass()}'
            )
        found = {}
        for name, one in value.items():
            if not isinstance(one, TrafficClass):
                raise PathError(
                    f"class {name!r} is {shown(one)}; make it with lk.TrafficClass(...)"
                )
            said = asdict(one) | {"dscp": _several(one.dscp), "pcp": _several(one.pcp)}
            found[name] = {k: v for k, v in said.items() if v not in (getattr(NONE, k), [])}
        return found

    def check(self, where: str, name: str, value: Value) -> Value:
        """Each of them, and that the last one takes the rest."""
        if not isinstance(value, Mapping) or not 1 < len(value) <= MOST:
            raise PathError(f"node {where}: {name} is {shown(value)}; it has 2 to {MOST} classes")
        *before, last = value
        for each, said in value.items():
            _check(f"node {where}: class {each!r}:", each, said)
        for each in before:
            if not any(value[each].get(key) for key in ("dscp", "pcp", "filter")):
                raise PathError(
                    f"node {where}: class {each!r} says of no frame that it is one of it; give "
                    "dscp=, pcp= or filter=. The last class alone takes what is left"
                )
        if any(value[last].get(key) for key in ("dscp", "pcp", "filter")):
            raise PathError(
                f"node {where}: class {last!r} is the last, which takes what is left: leave out "
                'its dscp, pcp and filter, or add a class behind it, "other": lk.TrafficClass()'
            )
        return value

    def lines(self, value: Value) -> list[str]:
        """Each with its share."""
        assert value is None or isinstance(value, Mapping)
        return [
            f"{name}: {'strict' if said.get('strict') else said.get('weight', 1)}"
            for name, said in (value or {}).items()
        ]


def _several(value: Any) -> list[Any]:
    if isinstance(value, (str, int)) or not isinstance(value, Iterable):
        return [value]
    return list(value)


def _check(where: str, name: str, said: Any) -> None:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise PathError(f"{where} its name has 1 to 40 letters, digits and _ . : -")
    if not isinstance(said, Mapping):
        raise PathError(f"{where} is {shown(said)}; it is what lk.TrafficClass says")
    for key in said:
        if key not in FIELDS:
            raise PathError(f"{where} there is no {key!r}{near(key, FIELDS)}")
    for code in said.get("dscp", []):
        dscp(f"{where} dscp", code)
    for pcp in said.get("pcp", []):
        WholeType(0, 7).check(where.removeprefix("node "), "pcp", pcp)
    if not isinstance(said.get("strict", False), bool):
        raise PathError(f"{where} strict is {shown(said['strict'])}; it is True or False")
    if said.get("strict") and "weight" in said:
        raise PathError(f"{where} it is strict, and has the weight {said['weight']}; choose one")
    WEIGHT.check(where.removeprefix("node "), "weight", said.get("weight", 1))
    if said.get("limit") is not None:
        AmountType(1, "limit").check(where.removeprefix("node "), "limit", said["limit"])
    try:
        compile_filter(said.get("filter") or "")
    except FilterError as error:
        raise PathError(f"{where} filter: {error}") from None
    except TypeError:
        raise PathError(f"{where} filter is {shown(said['filter'])}; it is a text") from None


def _names(rows: Sequence[Sequence[int]], classes: Sequence[str]) -> list[str]:
    return [_name(row, classes) for row in rows]


def _name(row: Sequence[int], classes: Sequence[str]) -> str:
    """A class by its name, a flow by its first frame or its number, a queue alone as all."""
    number, version, src_high, src_low, dst_high, dst_low, protocol, ports = row
    if number == MISSING:
        return "all"
    if classes:
        return classes[number]
    if version == 0:
        return f"flow {number}"
    src, dst = (
        str(ip_address((high << 64 | low).to_bytes(4 if version == 4 else 16, "big")))
        for high, low in ((src_high, src_low), (dst_high, dst_low))
    )
    if ports == MISSING:
        return f"{src} > {dst} protocol {protocol}"
    return f"{src} port {ports >> 16} > {dst} port {ports & 0xFFFF} protocol {protocol}"


QUEUE_NAME = Column(_names, 8, names="classes")
Classes = Annotated[Mapping[str, TrafficClass], ClassesType()]
