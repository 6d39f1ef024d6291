# SPDX-License-Identifier: BSD-3-Clause
"""What is to be said of a layer that the walk found: of its checksum, and what is wrong with it."""

from collections.abc import Sequence

from labkit._codec import lib
from labkit.packet.walk import SUM_WORDS, Found

GOOD, WRONG, UNFINISHED = (SUM_WORDS[name] for name in ("good", "wrong", "unfinished"))
NOT_THERE, UNKNOWN = SUM_WORDS["not_there"], SUM_WORDS["unknown"]
CUT = "cut short by the capture"
IP_KINDS = ("ip", "ipv6")
WITH_CHECKSUM = ("ip", "mobility")  # also where the walk could not look at it
OWN_REASONS = {  # by the layer's problem, why its checksum cannot be judged
    "cut": CUT,
    "short": "its packet ends within the header",
    "length": "its length cannot be",
    "long": "longer than its packet",
}


def checksum_text(raw: bytes, found: Sequence[Found], number: int) -> str:
    """Of the layer of this number; "" where it has no checksum."""
    layer = found[number]
    width = 10 if layer.kind == "sctp" else 6
    should = f"should be {layer.right:#0{width}x}"
    match layer.sum:
        case "no_field" if layer.kind not in WITH_CHECKSUM:
            return ""
        case "good":
            return GOOD
        case "wrong":
            return f"{WRONG}: it is {layer.stored:#0{width}x} and {should}"
        case "unfinished" if layer.kind == "sctp":
            return f"{UNFINISHED}: it is 0, as a sender leaves it to its NIC; it {should}"
        case "unfinished":
            return (
                f"{UNFINISHED}: {layer.stored:#06x} is the sum of the pseudo-header alone, as a "
                f"sender leaves it to its NIC; it {should}"
            )
        case "not_there":
            return NOT_THERE
        case "forbidden":
            return f"{NOT_THERE} ({'UDP-Lite' if layer.kind == 'udplite' else 'IPv6'} wants one)"
    return f"{UNKNOWN}: {_why_not(raw, found, number)}"


def _why_not(raw: bytes, found: Sequence[Found], number: int) -> str:
    """Why a checksum cannot be judged."""
    layer = found[number]
    if layer.problem in OWN_REASONS:
        return OWN_REASONS[layer.problem]
    if layer.is_quoted:
        return "of a packet that is quoted"
    around = [n for n in range(number) if found[n].kind in (*IP_KINDS, "fragment")]
    if any(_is_fragment(raw, found[n]) for n in around):
        return "of a fragment"
    if any(found[n].problem == "long" for n in range(number)):
        return "its packet is longer than the frame"
    if layer.end > len(raw):
        return CUT
    return "not all of its packet is there"


def _is_fragment(raw: bytes, layer: Found) -> bool:
    """Whether an IPv4 or fragment header tells of other fragments."""
    if layer.kind == "ipv6":
        return False
    at, mask = (6, 0x3FFF) if layer.kind == "ip" else (2, 0xFFF9)
    field = raw[layer.offset + at : layer.offset + at + 2]
    return int.from_bytes(field, "big") & mask != 0


def problem_text(raw: bytes, found: Sequence[Found], number: int) -> str:
    """What is wrong with the layer of this number; "" where nothing is."""
    layer = found[number]
    match layer.problem:
        case "cut":
            return CUT
        case "short":
            return OWN_REASONS["short"]
        case "long":
            return "it says that it is longer than what is around it"
        case "deep":
            return f"more than {lib.LK_MAX_LAYERS} layers"
        case "length" if layer.kind == "data":
            return "what is announced is neither a length nor an EtherType"
        case "length":
            return "it tells a length that cannot be"
        case "version" if layer.kind == "data":
            version = raw[layer.offset] >> 4 if layer.offset < len(raw) else 0
            return f"another version than announced: {version}"
        case "version":
            return "of a version that is not known"
    return ""
