# SPDX-License-Identifier: BSD-3-Clause
"""Faults of a NIC, each seen by the signal that is there for it."""

from collections.abc import Callable

import pytest

import labkit as lk
from tests.pairs.topology import pair_of
from tests.patience import wait_until

NONE = {"tx_progress": None, "link": None, "keep_alive": None, "admin": None}
FAULTS: dict[str, tuple[str, Callable[[lk.Port], lk.fault.Fault]]] = {
    "tx_stall": ("tx_progress", lambda port: lk.fault.tx_stall(port)),
    "tx_stall without a queue": ("tx_progress", lambda p: lk.fault.tx_stall(p, ring=1, backlog=0)),
    "admin_queue_hang": ("admin", lambda port: lk.fault.admin_queue_hang(port, timeout=0.01)),
    "absurd_counters": ("admin", lambda port: lk.fault.absurd_counters(port)),
    "keep_alive_lost": ("keep_alive", lambda port: lk.fault.keep_alive_lost(port, timeout=0.05)),
    "link_flap": ("link", lambda port: lk.fault.link_flap(port, down=10.0)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_seen_by_its_signal(lab: lk.Lab, name: str) -> None:
    signal, fault = FAULTS[name]
    p = pair_of(lab)
    only = lk.Watchdog(**{**NONE, signal: 0.05})  # type: ignore[arg-type]
    with lk.failover(p.a, p.b, only, rehearse=fault) as pair:
        p.flow.start()
        wait_until(lambda: p.flow.received_by_port["a_far"] > 50)
        table = pair.rehearse(times=4)
        p.flow.stop()
        counted = p.flow.counters
        assert pair.notes == []
    assert list(table["main"]) == ["a", "b"] * 2
    assert (table["signal"] == signal).all()
    assert table["is_whole"].all(), table.to_string()
    assert counted["lost"] == table["lost_frames"].sum()
    assert sum(p.flow.received_by_port.values()) + counted["lost"] == counted["sent"]
    assert counted["duplicated"] == 0
