# SPDX-License-Identifier: BSD-3-Clause
"""Faults of NICs, made on any port of a lab: what a sick device does, and what its driver would
count and say, in the driver's own names.

    with lk.fault.keep_alive_lost(port) as fault: ...
    lab.run(lk.rx(a) >> lk.fault.tx_stall(after="360 MB") >> lk.tx(b))
"""

from labkit.arguments.names import no_attribute
from labkit.fault.counters import absurd_counters, counter_reset
from labkit.fault.device import (
    admin_queue_hang,
    invalid_descriptor,
    keep_alive_lost,
    missing_tx_completions,
    reset_loop,
)
from labkit.fault.fault import Fault
from labkit.fault.network import arp_overflow, link_flap, mtu_black_hole, poll_starvation, tx_stall

__all__ = [
    "Fault",
    "absurd_counters",
    "admin_queue_hang",
    "arp_overflow",
    "counter_reset",
    "invalid_descriptor",
    "keep_alive_lost",
    "link_flap",
    "missing_tx_completions",
    "mtu_black_hole",
    "poll_starvation",
    "reset_loop",
    "tx_stall",
]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> object:
    raise no_attribute(__name__, name, __all__)
