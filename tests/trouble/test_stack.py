# SPDX-License-Identifier: BSD-3-Clause
"""What the system's protocols say."""

from pathlib import Path

import pytest

import labkit as lk

NSTAT = "#kernel\nIpInReceives                    34742042           0.0\n"


@pytest.mark.parametrize(
    ("text", "counters"),
    [
        (NSTAT, {"stack/Ip/InReceives": 34_742_042}),
        (f"{NSTAT}Udp6InCsumErrors 7 0.0\n", {"stack/Ip/InReceives": 34_742_042,
                                              "stack/Udp6/InCsumErrors": 7}),
        ("Udp: InErrors InCsumErrors\nUdp: 4 3\n", {"stack/Udp/InErrors": 4,
                                                    "stack/Udp/InCsumErrors": 3}),
        ("Tcp: MaxConn\nTcp: -1\n", {"stack/Tcp/MaxConn": -1}),
        ("net.ipv4.ip_forward = 1\n", {"sysctl/net.ipv4.ip_forward": 1}),
        ("PING a (10.0.0.1) 56(84) bytes of data.\n3 packets transmitted, 2 received, 33% loss\n",
         {"ping/a/56/sent": 3, "ping/a/56/received": 2}),
        ("PING 10.0.0.1 (10.0.0.1): 56 data bytes\n3 packets transmitted, 3 packets received\n",
         {"ping/10.0.0.1/56/sent": 3, "ping/10.0.0.1/56/received": 3}),
    ],
)  # fmt: skip
def test_counters(text: str, counters: dict[str, int], tmp_path: Path) -> None:
    (tmp_path / "shown.txt").write_text(text)
    readings = lk.trouble.look(tmp_path / "shown.txt").evidence.readings
    assert [reading.counters for reading in readings] == [counters]


@pytest.mark.parametrize(
    "text",
    [
        f"net.ipv4.x = {'9' * 5000}\n",
        "Udp: InErrors\nUdp: ²\n",
        "Udp: InErrors\nUdp:\n",
        "Udp: InErrors\n",
        "3 packets transmitted, 2 received\n",
        f"PING a (10.0.0.1) 56(84) bytes of data.\n{'9' * 5000} packets transmitted, 2 received\n",
        "2: eth0: <UP> mtu 1500\n    inet 999.0.0.1/24 scope global eth0\n",
    ],
)
def test_what_is_no_number(text: str, tmp_path: Path) -> None:
    (tmp_path / "shown.txt").write_text(text)
    assert not lk.trouble.look(tmp_path / "shown.txt").evidence.readings


def test_readings_of_one_file_are_apart(tmp_path: Path) -> None:
    (tmp_path / "snmp").write_text("Udp: InErrors\nUdp: 4\nUdp: InErrors\nUdp: 9\n")
    readings = lk.trouble.look(tmp_path / "snmp").evidence.readings
    assert [reading.counters["stack/Udp/InErrors"] for reading in readings] == [4, 9]
