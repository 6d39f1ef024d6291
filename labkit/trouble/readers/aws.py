# SPDX-License-Identifier: BSD-3-Clause
"""What the AWS CLI (JSON, YAML, tables) and its PowerShell twin say of instances, images and types.

Facts are named "ec2/..." and belong to what has them: "i-0123...", "ami-...", "eni-...", or a type.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labkit.trouble.derived_rates import BASELINE
from labkit.trouble.evidence import Fact, Item, Note, Place, Reading
from labkit.trouble.readers.asked import Asked

DEEPEST = 40
MOST_OWNERS = 20
MOST_DAMAGED = 1_000  # documents of a file that are none
_OWNERS = ("InstanceId", "ImageId", "NetworkInterfaceId")
_KEYS: Mapping[str, str] = {
    "EnaSupport": "ec2/ena_support",
    "SriovNetSupport": "ec2/sriov_net_support",
    "EnaSrdEnabled": "express/enabled",
    "EnaSrdUdpEnabled": "express/udp",
    "EnaQueueCount": "ec2/queues",
    "AvailabilityZone": "ec2/zone",
    "VirtualizationType": "ec2/virtualization",
}
_BASELINE = "BaselineBandwidthInGbps"
_ID = re.compile(r"^(?:i|ami|eni)-[0-9a-f]{8,17}$")
_ID_INSIDE = re.compile(r"\b(?:i|ami|eni)-[0-9a-f]{8,17}\b")
_ROW = re.compile(r"^\|+\s*(?P<key>[A-Za-z]{4,40})\s*\|\s*(?P<value>[^|]*?)\s*\|+\s*$")
_FIELD = re.compile(r"^\s*(?:- )?(?P<key>[A-Za-z]{4,40})\s*: ?(?P<value>\S.*?)?\s*$")
_ASKS = re.compile(r"\b(?P<key>EnaSupport|SriovNetSupport)\b")
_OPENS = re.compile(r"^\s*[\[{]")
_PROMPT = 8  # lines above an output, that may have its command


def read(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """Facts of every JSON document, and of lists as PowerShell prints them."""
    text = "\n".join(lines)
    if not any(key in text for key in (*_KEYS, _BASELINE)) and not asked.says("support"):
        return
    begin, over, damaged = 0, 0, 0
    for at, line in enumerate(lines):
        if begin >= over and damaged < MOST_DAMAGED and _OPENS.match(line):
            told, over = _document(text, begin + len(line) - len(line.lstrip()))
            damaged += told is None
            if told is not None:
                place = Place(name, at + 1)
                yield from _few(_of_json(told, place, _asked_for(lines, at, asked)), place)
        begin += len(line) + 1
    yield from _lists(lines, name)


def _document(text: str, at: int) -> tuple[Any, int]:
    """The JSON that begins at a character, and where it ends; None for what is no JSON."""
    try:
        return json.JSONDecoder().raw_decode(text, at)
    except (ValueError, RecursionError):
        return None, at


def _few(items: Iterator[Item], place: Place) -> Iterator[Item]:
    """What is told of a few; a list of all that an account has is no case."""
    listed = list(items)
    owners = {item.device for item in listed if isinstance(item, Fact)}
    if len(owners) <= MOST_OWNERS:
        yield from listed
        return
    told = f"tells of {len(owners):,} instances, images or interfaces; give {MOST_OWNERS} at most"
    yield Note(place, told, True)


def _asked_for(lines: Sequence[str], at: int, asked: Asked) -> tuple[str, str]:
    """The attribute that a query left alone without its name, and of whom it is."""
    above = " ".join([*asked.words, *lines[max(0, at - _PROMPT) : at]])
    key, owner = _ASKS.search(above), _ID_INSIDE.search(above)
    return (key["key"] if key else ""), (owner[0] if owner else "")


def _of_json(told: Any, place: Place, asked_for: tuple[str, str]) -> Iterator[Item]:
    key, owner = asked_for
    if key and isinstance(told, list) and all(isinstance(v, (bool, str, type(None))) for v in told):
        value = _text(told[0]) if told else "not set"
        yield Fact(_KEYS[key], "not set" if value in ("", "null") else value, place, owner)
        return
    yield from _walk(told, place, owner, 0)


def _walk(node: Any, place: Place, owner: str, depth: int) -> Iterator[Item]:
    """The facts below a node of JSON."""
    if depth > DEEPEST:
        return
    if isinstance(node, list):
        for part in node:
            if isinstance(part, str) and _ID.match(part):
                owner = part
        for part in node:
            yield from _walk(part, place, owner, depth + 1)
        return
    if not isinstance(node, dict):
        return
    owner = next((str(node[key]) for key in _OWNERS if node.get(key)), owner)
    if not _ID.match(owner) and "NetworkInfo" in node:
        owner = str(node.get("InstanceType", ""))
    elif (kind := node.get("InstanceType")) and _ID.match(owner):
        yield Fact("ec2/type", str(kind), place, owner)
    if "PlatformDetails" in node and "SriovNetSupport" not in node:
        yield Fact("ec2/sriov_net_support", "not set", place, owner)
    baseline = node.get(_BASELINE)
    if isinstance(baseline, (int, float)) and 0 < baseline < 1e6:
        yield Reading({BASELINE: round(baseline * 1000)}, place)
    for key, value in node.items():
        if isinstance(value, (dict, list)) and not _is_attribute(value):
            yield from _walk(value, place, owner, depth + 1)
        elif key in _KEYS:
            inner = value.get("Value", "") if isinstance(value, dict) else value
            told = _text(inner)
            yield Fact(_KEYS[key], "not set" if told in ("", "null") else told, place, owner)


def _is_attribute(value: Any) -> bool:
    """describe-instance-attribute has {"Value": "simple"}, or nothing."""
    return isinstance(value, dict) and (not value or set(value) == {"Value"})


def _text(value: Any) -> str:
    return json.dumps(value) if not isinstance(value, str) else value


def _lists(lines: Sequence[str], name: str) -> Iterator[Item]:
    """A field a line: PowerShell's lists, which a blank line divides, YAML and tables. Of a block
    that names several instances nobody knows whose a field is."""
    found: list[tuple[int, str, str]] = []
    owners: dict[str, set[str]] = {}
    for at, line in enumerate([*lines, ""]):
        field = _FIELD.match(line) or _ROW.match(line)
        value = (field["value"] or "").strip("'\"") if field else ""
        if field and field["key"] in _OWNERS and _ID.match(value):
            owners.setdefault(field["key"], set()).add(value)
        elif field and field["key"] in _KEYS:
            found.append((at, _KEYS[field["key"]], value or "not set"))
        elif not line.strip():
            owner = owners.get("NetworkInterfaceId") or owners.get("InstanceId") or {""}
            for where, key, value in found if len(owner) == 1 else ():
                plain = value.lower() if value in ("True", "False") else value
                yield Fact(key, plain, Place(name, where + 1), *owner)
            found, owners = [], {}
