# SPDX-License-Identifier: BSD-3-Clause
"""When lines were written, in the shapes that logs have."""

from datetime import UTC, datetime

import pytest

from labkit.trouble.moments import Dater
from labkit.trouble.readers.logs import device_of

UNTIL = datetime(2026, 11, 30, tzinfo=UTC)
TEXT = "ena 0000:00:05.0 ens5: Trigger reset is on"


@pytest.mark.parametrize(
    ("front", "when"),
    [
        ("[18509.800135] ", 18509.800135),
        ("[   12.345678][  T123] ", 12.345678),
        ("<6>[18509.800135] ", 18509.800135),
        ("kern  :warn  : [18509.800135] ", 18509.800135),
        ("[Tue Jun  3 22:37:46 2025] ", "2025-06-03T22:37:46"),
        ("kern  :err   : [Tue Jun  3 22:37:46 2025] ", "2025-06-03T22:37:46"),
        ("Tue Jun  3 22:37:46 UTC 2025 ", "2025-06-03T22:37:46"),
        ("Jun  3 22:37:46 ip-172-31-2-186 kernel: [  479.256831] ", "2026-06-03T22:37:46"),
        ("Dec 31 23:59:59 node kernel: ", "2025-12-31T23:59:59"),
        ("Jun 03 22:37:46.123456 a.b.internal kernel: ", "2026-06-03T22:37:46.123456"),
        ("2025-06-03T22:37:46.123456+00:00 ip-1 kernel: ", "2025-06-03T22:37:46.123456"),
        ("2025-06-03T22:37:46,123456+0200 ip-1 kernel: ", "2025-06-03T20:37:46.123456"),
        ("[2025-06-03T22:37:46Z] ", "2025-06-03T22:37:46"),
        ("2024 Jun  3 22:37:46.5 ip-1 kernel: ", "2024-06-03T22:37:46.500000"),
        ("1717453066.123456 host kernel: ", "2024-06-03T22:17:46.123456"),
        ("I0603 22:37:46.123456   12345 nic.go:33] ", "2026-06-03T22:37:46.123456"),
        ("app INFO 2025-06-03 22:37:46 ", "2025-06-03T22:37:46"),
        ("kern:     err: [2024-06-29T10:52:39.030745602Z]: ", "2024-06-29T10:52:39.030746"),
        ("[  +0.005106] ", None),
        ("[<    0.000004>] ", None),
        ("[Mar15 18:17] ", None),
        ("", None),
        ("Feb 30 22:37:46 host kernel: ", None),
    ],
)
def test_a_time_is_read(front: str, when: str | float | None) -> None:
    moment, text = Dater(UNTIL).read(front + TEXT)
    assert text.endswith(TEXT)
    assert device_of(text) == "ens5"
    if isinstance(when, float):
        assert (moment.clock, moment.seconds) == ("boot", when)
    elif when is None:
        assert moment.clock == ""
    else:
        assert moment.clock == "wall"
        assert datetime.fromtimestamp(moment.seconds, UTC).isoformat() == f"{when}+00:00"


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("mtk_soc_eth 1e100000.ethernet wan: NETDEV WATCHDOG: CPU: 1: transmit queue 1", "wan"),
        ("virtio_net virtio1 ens4: TX timeout on queue: 0", "ens4"),
        ("hv_netvsc 000d3a6c-1f6b-000d-3a6c-1f6b000d3a6c eth0: Data path switched to VF", "eth0"),
        ("NETDEV WATCHDOG: eth0 (ena): transmit queue 0 timed out", "eth0"),
        ("watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [kworker/0:1:81]", ""),
        ("systemd[1]: Time has been changed", ""),
    ],
)
def test_whose_a_message_is(text: str, device: str) -> None:
    assert device_of(text) == device


def test_the_journal_as_json() -> None:
    line = f'{{"MESSAGE":"{TEXT}","__REALTIME_TIMESTAMP":"1717453066123456","PRIORITY":"3"}}'
    moment, text = Dater(UNTIL).read(line)
    assert (moment.seconds, text) == (1717453066.123456, TEXT)
    moment, text = Dater(UNTIL).read('{"MESSAGE":[101,110,97],"__REALTIME_TIMESTAMP":"1"}')
    assert text == "ena"
    assert Dater(UNTIL).read('{"MESSAGE": broken')[0].clock == ""


def test_what_was_assumed_is_known() -> None:
    dater = Dater(UNTIL)
    dater.read("Jun  3 22:37:46 host kernel: x")
    assert dater.assumed_year
    assert dater.assumed_zone
    sure = Dater(UNTIL)
    sure.read("2025-06-03T22:37:46Z x")
    assert not sure.assumed_year
    assert not sure.assumed_zone
