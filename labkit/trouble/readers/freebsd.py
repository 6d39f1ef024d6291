# SPDX-License-Identifier: BSD-3-Clause
"""FreeBSD's sysctl of ENA: `sysctl dev.ena.0`.

Its counters become those of "ena0" under the names that Linux has for them, whatever node they are
in: eni_metrics, since driver 2.7.0 customer_metrics, ena_srd_info, hw_stats.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from labkit.trouble.evidence import Fact, Item, Place, Reading
from labkit.trouble.readers.asked import Asked

_NODE = re.compile(
    r"^dev\.ena\.(?P<unit>\d{1,3})\.(?:(?:eni_metrics|customer_metrics|ena_srd_info|hw_stats)\.)?"
    r"(?P<name>[a-z]\w*)(?:: |=)(?P<value>\d{1,20})\s*$"
)
_QUEUE = re.compile(
    r"^dev\.ena\.(?P<unit>\d{1,3})\.queue(?P<queue>\d{1,4})\.(?P<side>[rt]x)_ring\.(?P<name>[a-z]\w*)"
    r"(?:: |=)(?P<value>\d{1,20})\s*$"
)
_QUEUE_NAMES = {
    "count": "cnt",
    "missing_tx_comp": "missed_tx",
    "queue_stops": "queue_stop",
    "queue_wakeups": "queue_wakeup",
    "mbuf_alloc_fail": "page_alloc_fail",
}
_INTERVALS = ("sample_interval", "stats_sample_interval")
_SETTINGS = (
    *("rx_queue_size", "buf_ring_size", "io_queues_nb", "wd_active", "keep_alive_timeout"),
    *("missing_tx_timeout", "missing_tx_max_queues", "missing_tx_threshold", *_INTERVALS),
)
_DRIVER = re.compile(
    r"^(?:(?:.*\bena(?P<unit>\d{1,3}): )?Elastic Network Adapter \(ENA\)ena v"
    r"|hw\.ena\.driver_version(?:: |=))(?P<version>\d[\w.]*)"
)
_LLQ = re.compile(r"^hw\.ena\.force_large_llq_header(?:: |=)(?P<value>[01])\s*$")


def read(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """Counters and facts of every unit."""
    counters: dict[str, dict[str, int]] = defaultdict(dict)
    begins: dict[str, int] = {}

    def done(device: str) -> Reading:
        begin = begins[device]
        told = counters.pop(device)
        return Reading(told, Place(name, begin + 1), asked.moment(lines, begin), device, begin)

    for at, line in enumerate(lines):
        if told := _DRIVER.match(line):
            device = f"ena{told['unit']}" if told["unit"] else ""
            yield Fact("freebsd/version", told["version"], Place(name, at + 1), device)
            continue
        if told := _LLQ.match(line):
            yield Fact("module/force_large_llq_header", told["value"], Place(name, at + 1))
            continue
        key = ""
        if found := _NODE.match(line):
            key = found["name"]
        elif found := _QUEUE.match(line):
            plain = _QUEUE_NAMES.get(found["name"], found["name"])
            key = f"queue_{found['queue']}_{found['side']}_{plain}"
        if found is None:
            continue
        device = f"ena{found['unit']}"
        if key in _SETTINGS:
            setting = "sample_interval" if key in _INTERVALS else key
            yield Fact(f"freebsd/{setting}", found["value"], Place(name, at + 1), device)
            continue
        if key in counters[device]:  # the next reading begins
            yield done(device)
        begins[device] = begins[device] if counters[device] else at
        counters[device][key] = int(found["value"])
    for device in list(counters):
        if counters[device]:
            yield done(device)
