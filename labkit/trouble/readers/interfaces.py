# SPDX-License-Identifier: BSD-3-Clause
"""What Linux says of its interfaces: `ip -s link`, `ifconfig`, `/proc/net/dev`.

Counters have the names of /sys/class/net/*/statistics with "interface/" in front.
"""

import re
from collections.abc import Iterator, Sequence

from labkit.trouble.evidence import Fact, Item, Place, Reading
from labkit.trouble.readers.asked import Asked
from labkit.trouble.readers.numbers import is_count

_IP_HEAD = re.compile(
    r"^\d+: (?P<name>[^:@\s]+)(?:@\S+)?: (?:<(?P<flags>[^>]*)> )?mtu (?P<mtu>\d{1,20})"
)
_IP_SIDE = re.compile(r"^\s*(?P<side>RX|TX)(?: (?P<kind>errors))?: (?P<columns>[a-z ]+)$")
_IFCONFIG = re.compile(r"^(?P<name>[a-z][\w.-]*):? +(?:Link encap:|flags=\d+<(?P<flags>[^>]*)>)")
_PACKETS = re.compile(
    r"^\s*(?P<side>RX|TX) packets[: ](?P<packets>\d{1,20})"
    r"(?: errors:(?P<errors>\d{1,20}) dropped:(?P<dropped>\d{1,20})"
    r" overruns:(?P<overruns>\d{1,20}) (?P<last>frame|carrier):(?P<other>\d{1,20})"
    r"|\s+bytes (?P<bytes>\d{1,20}))"
)
_ERRORS = re.compile(
    r"^\s*(?P<side>RX|TX) errors (?P<errors>\d{1,20})\s+dropped (?P<dropped>\d{1,20})\s+"
    r"overruns (?P<overruns>\d{1,20})\s+(?P<last>frame|carrier) (?P<other>\d{1,20})"
)
LONGEST_PART = 100  # lines
_PART = {"interface/rx_packets", "interface/rx_dropped"}
_BYTES = re.compile(r"RX bytes:(?P<rx>\d{1,20}) .*?TX bytes:(?P<tx>\d{1,20})")
_MTU = re.compile(r"\b(?:MTU:|mtu )(?P<mtu>\d{1,20})")
_QUEUE = re.compile(r"\b(?:txqueuelen[: ]|qlen )(?P<length>\d{1,20})")
_NET_DEV = re.compile(r"^\s*(?P<name>[\w.@-]+):\s*(?P<numbers>\d{1,20}(?:\s+\d{1,20}){15})\s*$")
_NET_DEV_COLUMNS = (
    *("rx_bytes", "rx_packets", "rx_errors", "rx_dropped", "rx_fifo_errors", "rx_frame_errors"),
    *("rx_compressed", "multicast", "tx_bytes", "tx_packets", "tx_errors", "tx_dropped"),
    *("tx_fifo_errors", "collisions", "tx_carrier_errors", "tx_compressed"),
)
_IP_NAMES = {
    "overrun": "over_errors",
    "missed": "missed_errors",
    "carrier": "carrier_errors",
    "crc": "crc_errors",
    "frame": "frame_errors",
    "fifo": "fifo_errors",
    "mcast": "multicast",
    "collsns": "collisions",
    "window": "window_errors",
    "aborted": "aborted_errors",
    "heartbt": "heartbeat_errors",
    "length": "length_errors",
}


def read(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """Counters and facts of every interface."""
    device, begin, counters = "", 0, dict[str, int]()
    # A part of an output: it tells of one interface, and not of which.
    is_part = len(lines) <= LONGEST_PART and not any(
        _IP_HEAD.match(line) or _IFCONFIG.match(line) for line in lines
    )

    def done() -> Iterator[Item]:
        if counters and (device or (is_part and counters.keys() >= _PART)):
            yield Reading(
                dict(counters), Place(name, begin + 1), asked.moment(lines, begin), device, begin
            )
        counters.clear()

    for at, line in enumerate(lines):
        if head := _IP_HEAD.match(line) or _IFCONFIG.match(line):
            yield from done()
            device, begin = head["name"], at
            if flags := head["flags"]:
                is_up = "LOWER_UP" in flags or ("RUNNING" in flags and "NO-CARRIER" not in flags)
                yield Fact("carrier", "1" if is_up else "0", Place(name, at + 1), device)
        elif found := _NET_DEV.match(line):
            values = dict(zip(_NET_DEV_COLUMNS, map(int, found["numbers"].split()), strict=True))
            told = {f"interface/{key}": value for key, value in values.items()}
            yield Reading(told, Place(name, at + 1), asked.moment(lines, at), found["name"], at)
            continue
        if not device:
            if is_part and (told := dict(_counters(lines, at))):
                if told.keys() & counters.keys():
                    yield from done()
                begin = begin if counters else at
                counters.update(told)
            continue
        if mtu := _MTU.search(line):
            yield Fact("mtu", mtu["mtu"], Place(name, at + 1), device)
        if queue := _QUEUE.search(line):
            yield Fact("txqueuelen", queue["length"], Place(name, at + 1), device)
        counters.update(_counters(lines, at))
    yield from done()


def _counters(lines: Sequence[str], at: int) -> Iterator[tuple[str, int]]:
    """What a line, or a heading and the line below it, count."""
    line = lines[at]
    if (found := _PACKETS.match(line)) or (found := _ERRORS.match(line)):
        told, side = found.groupdict(), found["side"].lower()
        over = "rx_over_errors" if side == "rx" else "tx_fifo_errors"
        names = {
            "packets": f"{side}_packets",
            "bytes": f"{side}_bytes",
            "errors": f"{side}_errors",
            "dropped": f"{side}_dropped",
            "overruns": over,
        }
        for key, column in names.items():
            if told.get(key) is not None:
                yield f"interface/{column}", int(told[key])
        if told.get("other") is not None:
            yield f"interface/{side}_{told['last']}_errors", int(told["other"])
    if found := _BYTES.search(line):
        yield "interface/rx_bytes", int(found["rx"])
        yield "interface/tx_bytes", int(found["tx"])
    if (found := _IP_SIDE.match(line)) and at + 1 < len(lines):
        side, columns = found["side"].lower(), found["columns"].split()
        numbers = lines[at + 1].split()
        if len(numbers) >= len(columns) and all(map(is_count, numbers)):
            for column, number in zip(columns, numbers, strict=False):
                plain = _IP_NAMES.get(column, column)
                key = plain if plain in ("multicast", "collisions") else f"{side}_{plain}"
                yield f"interface/{key}", int(number)
