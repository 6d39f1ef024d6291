# SPDX-License-Identifier: BSD-3-Clause
"""struct rte_eth_stats as DPDK's applications print it: testpmd, l2fwd, dpdk-proc-info, dpvs.

Counters have the names of xstats.
"""

import re
from collections.abc import Iterator, Sequence

from labkit.trouble.evidence import Item, Place, Reading
from labkit.trouble.readers.asked import Asked
from labkit.trouble.readers.numbers import is_count

NAMES = {
    "ipackets": "rx_good_packets",
    "opackets": "tx_good_packets",
    "ibytes": "rx_good_bytes",
    "obytes": "tx_good_bytes",
    "imissed": "rx_missed_errors",
    "ierrors": "rx_errors",
    "oerrors": "tx_errors",
    "rx_nombuf": "rx_mbuf_allocation_errors",
    "rx-packets": "rx_good_packets",
    "tx-packets": "tx_good_packets",
    "rx-bytes": "rx_good_bytes",
    "tx-bytes": "tx_good_bytes",
    "rx-missed": "rx_missed_errors",
    "rx-errors": "rx_errors",
    "tx-errors": "tx_errors",
    "rx-nombuf": "rx_mbuf_allocation_errors",
}
_PORT = re.compile(
    r"\b(?:statistics for (?:NIC )?)?port\s*#?:?\s*(?P<port>\d+)\b|^\d+: (?P<name>dpdk\d+):",
    re.IGNORECASE,
)
_PAIR = re.compile(
    rf"\b(?P<name>{'|'.join(NAMES)})\s*[:=]\s*(?P<value>\d{{1,20}})\b", re.IGNORECASE
)
# DPDK-Dump and others that tell of each port in a line
_DROPPED = re.compile(
    r"^\s*PORT:? (?P<port>\d+) Rx: (?P<received>\d{1,20}) Drp: (?P<missed>\d{1,20})\b"
)
FEWEST = 3  # counters that are such a block


def read(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """A reading a block: it ends where a counter comes again, or another port."""
    device, begin, counters = "", 0, dict[str, int]()

    def done() -> Iterator[Item]:
        if len(counters) >= FEWEST:
            moment = asked.moment(lines, begin)
            yield Reading(dict(counters), Place(name, begin + 1), moment, device, begin)
        counters.clear()

    for at, line in enumerate(lines):
        if told := _DROPPED.match(line):
            yield from done()
            count = {"rx_good_packets": told["received"], "rx_missed_errors": told["missed"]}
            numbers = {key: int(value) for key, value in count.items()}
            where, moment = Place(name, at + 1), asked.moment(lines, at)
            yield Reading(numbers, where, moment, f"port {told['port']}", at)
            continue
        if port := _PORT.search(line):
            yield from done()
            device, begin = port["name"] or f"port {port['port']}", at
        found = dict(_counters(lines, at))
        if found.keys() & counters.keys():
            yield from done()
        if found and not counters:
            begin = at
        counters.update(found)
    yield from done()


def _counters(lines: Sequence[str], at: int) -> Iterator[tuple[str, int]]:
    """What a line tells: names with values, or names over a line of values."""
    line = lines[at]
    pairs = [(NAMES[p["name"].lower()], int(p["value"])) for p in _PAIR.finditer(line)]
    if pairs:
        yield from pairs
        return
    words = line.lower().split()
    if len(words) >= 2 and at + 1 < len(lines) and all(word in NAMES for word in words):
        values = lines[at + 1].split()
        if len(values) == len(words) and all(map(is_count, values)):
            yield from ((NAMES[w], int(v)) for w, v in zip(words, values, strict=True))
