# SPDX-License-Identifier: BSD-3-Clause
"""rte_eth_stats as applications print it."""

from pathlib import Path

import labkit as lk
from labkit.trouble.evidence import Reading
from labkit.trouble.gathered import gather

TESTPMD = """\
  ######################## NIC statistics for port 0  ########################
  RX-packets: 1000000    RX-missed: 25000      RX-bytes:  64000000
  RX-errors: 0
  RX-nombuf:  0
  TX-packets: 7          TX-errors: 0          TX-bytes:  420
  ############################################################################
  ######################## NIC statistics for port 1  ########################
  RX-packets: 5          RX-missed: 0          RX-bytes:  320
"""
DPVS = """\
1: dpdk0: socket 0 mtu 1500 rx-queue 8 tx-queue 8
    ipackets            opackets            ibytes              obytes
    6120                914                 2401877             201340
    ierrors             oerrors             imissed             rx_nombuf
    0                   0                   7311                0
"""
L2FWD = """\
Statistics for port 0 ------------------------------
ipackets:  100  opackets: 90  ibytes: 6400 obytes: 5760
imissed:  {missed}  ierrors: 0  oerrors: 0
"""


def readings(tmp_path: Path, text: str) -> list[Reading]:
    file = tmp_path / "stats.txt"
    file.write_text(text)
    return gather([file]).readings


def test_testpmd(tmp_path: Path) -> None:
    first, second = readings(tmp_path, TESTPMD)
    assert (first.device, second.device) == ("port 0", "port 1")
    assert first.counters["rx_missed_errors"] == 25000
    assert first.counters["tx_good_bytes"] == 420
    assert second.counters == {"rx_good_packets": 5, "rx_missed_errors": 0, "rx_good_bytes": 320}


def test_names_over_a_line_of_values(tmp_path: Path) -> None:
    (reading,) = readings(tmp_path, DPVS)
    assert reading.device == "dpdk0"
    assert reading.counters["rx_missed_errors"] == 7311
    assert reading.counters["tx_good_packets"] == 914


def test_what_is_printed_again_and_again_is_a_reading_each(tmp_path: Path) -> None:
    file = tmp_path / "l2fwd.log"
    file.write_text("".join(L2FWD.format(missed=missed) for missed in (0, 2000, 4000)))
    assert [r.counters["rx_missed_errors"] for r in gather([file]).readings] == [0, 2000, 4000]
    assert [f.id for f in lk.trouble.look(file).findings] == ["no-receive-buffers"]


def test_a_text_that_only_names_them_is_none(tmp_path: Path) -> None:
    assert readings(tmp_path, "imissed: 5 was what we saw on port 3\nNothing else.\n") == []


def test_a_port_in_a_line(tmp_path: Path) -> None:
    text = (
        "PORT: 4 Rx: 700 Drp: 40 Tot: 740 Perc: 5.405%\n        Queue 0 Rx: 700 Drp: 0 Tot: 700\n"
    )
    (reading,) = readings(tmp_path, text)
    assert reading.device == "port 4"
    assert reading.counters == {"rx_good_packets": 700, "rx_missed_errors": 40}
