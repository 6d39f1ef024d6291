# SPDX-License-Identifier: BSD-3-Clause
"""Settings of an interface: `ethtool -i`, `-g`, `-l`, `-k`, `-c`; and EC2's type of the machine."""

import re
from collections.abc import Iterator, Sequence

from labkit.trouble.evidence import Fact, Item, Place
from labkit.trouble.readers.asked import Asked

_INFO = re.compile(r"^\s*(?P<name>driver|version|firmware-version|bus-info): ?(?P<value>.*?)\s*$")
_RING = re.compile(r"^\s*(?P<head>Ring|Channel) parameters for (?P<device>\S+?):\s*$")
_PART = re.compile(r"^\s*(?P<part>Pre-set maximums|Current hardware settings):\s*$")
_NUMBER = re.compile(
    r"^\s*(?P<name>RX|TX|Combined|Other|RX Mini|RX Jumbo):\s+(?P<value>\d+|n/a)\s*$"
)
_FEATURES = re.compile(r"^\s*(?:Features|Offload parameters) for (?P<device>\S+?):\s*$")
_FEATURE = re.compile(r"^\s*(?P<name>[a-z][\w-]+): (?P<value>on|off)\b")
_COALESCING = re.compile(r"^\s*Coalesce parameters for (?P<device>\S+?):\s*$")
_ADAPTIVE = re.compile(r"^\s*Adaptive RX: (?P<rx>on|off|n/a)\s+TX: (?P<tx>on|off|n/a)\s*$")
_DELAY = re.compile(r"^\s*(?P<name>[rt]x-usecs): ?(?P<value>\d{1,9})\s*$")

# On EC2's Nitro machines the firmware says the type: /sys/class/dmi/id/product_name
_TYPE = re.compile(
    r"(?P<type>[a-z][a-z0-9-]*\d[a-z0-9-]*\.(?:nano|micro|small|medium|\d*x?large|metal[\w-]*))"
)
_NAMED_TYPE = re.compile(
    r"(?i)(?:instance.?type|product.?name)[\"']?\s*[:=]\s*[\"']?" + _TYPE.pattern + r"\b"
)


def read(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """Facts by interface."""
    yield from _types(lines, name, asked)
    device = kind = part = ""
    is_module = False  # modinfo has a version, too, of what need not be loaded
    for at, line in enumerate(lines):
        place = Place(name, at + 1)
        is_module = line.startswith("filename:") or (is_module and bool(line.strip()))
        is_module &= not line.startswith("driver:")
        if (found := _INFO.match(line)) and not is_module:
            of = asked.device(lines, at, "ethtool", "-i") or ""
            if found["name"] == "driver":
                device = of
            key = {"firmware-version": "firmware", "bus-info": "bus"}.get(
                found["name"], found["name"]
            )
            if found["value"]:
                yield Fact(key, found["value"], place, device)
        elif found := _RING.match(line):
            kind, device, part = found["head"].lower(), found["device"], ""
        elif found := _PART.match(line):
            part = "_max" if found["part"].startswith("Pre") else ""
        elif kind and (found := _NUMBER.match(line)) and found["value"] != "n/a":
            yield Fact(f"{kind}/{found['name'].lower()}{part}", found["value"], place, device)
        elif found := _FEATURES.match(line):
            kind, device = "", found["device"]
        elif not kind and device and (found := _FEATURE.match(line)):
            yield Fact(f"feature/{found['name']}", found["value"], place, device)
    yield from _coalescing(lines, name, asked)


def _coalescing(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """How long interrupts wait; a part of the output, as grep leaves it, tells it too."""
    device = ""
    for at, line in enumerate(lines):
        place = Place(name, at + 1)
        if found := _COALESCING.match(line):
            device = found["device"]
        elif (found := _ADAPTIVE.match(line)) or (found := _DELAY.match(line)):
            of = asked.device(lines, at, "ethtool", "-c") or device
            if "name" in found.groupdict():
                yield Fact(f"coalesce/{found['name']}", found["value"], place, of)
                continue
            for side in ("rx", "tx"):
                if found[side] != "n/a":
                    yield Fact(f"coalesce/adaptive-{side}", found[side], place, of)


def _types(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """The type of an EC2 instance: where it stands alone behind its question, or with its name."""
    for at, line in enumerate(lines):
        asks = at > 0 and ("product_name" in lines[at - 1] or "instance-type" in lines[at - 1])
        alone = _TYPE.fullmatch(line.strip()) if asks or asked.says("product", "name") else None
        if found := alone or _NAMED_TYPE.search(line):
            yield Fact("instance_type", found["type"], Place(name, at + 1))
