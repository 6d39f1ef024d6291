# SPDX-License-Identifier: BSD-3-Clause
"""The table of malformed frames is what our receivers do, and what others were measured to do."""

import pytest

from labkit.packet.tunnel import STRICTNESS
from tests import tunnel_deviations
from tests.tunnel_deviations import Deviation, deviations

LEAST_DEVIATIONS = 60
ALL = list(deviations())
MEASURED = {"linux": "linux_device", "ovs": "open_vswitch"}

# Where our receiver differs from the one that it is named after
STRICTER = {
    # Every length is checked against the bytes that are there, whoever else does not.
    ("ovs", "vxlan4_udp_length_short"),
    ("ovs", "vxlan4_udp_length_long"),
    ("ovs", "geneve4_udp_length_short"),
    ("ovs", "geneve4_udp_length_long"),
    # RFC 8504 5.3 wants a limit to the number of extension headers.
    ("linux", "vxlan6_ipv6_many_extensions"),
    ("linux", "geneve6_ipv6_many_extensions"),
}


@pytest.fixture(scope="module")
def table() -> dict[str, dict[str, str]]:
    return tunnel_deviations.stored()


def test_table_is_complete(table: dict[str, dict[str, str]]) -> None:
    assert [deviation.name for deviation in ALL] == list(table)
    bad = [name for name, row in table.items() if row["rfc"] != "next"]
    assert len(bad) >= LEAST_DEVIATIONS
    for column in MEASURED.values():
        assert sum(row[column] != "" for row in table.values()) > LEAST_DEVIATIONS


@pytest.mark.parametrize("deviation", ALL, ids=lambda deviation: deviation.name)
def test_verdicts(deviation: Deviation, table: dict[str, dict[str, str]]) -> None:
    row = table[deviation.name]
    assert row["frame"] == deviation.frame.hex()
    for strictness in STRICTNESS:
        assert tunnel_deviations.verdict(deviation, strictness) == row[strictness]


def test_strictness_is_that_of_the_real_ones(table: dict[str, dict[str, str]]) -> None:
    differs = {
        (strictness, name)
        for strictness, column in MEASURED.items()
        for name, row in table.items()
        if row[column] and (row[strictness] == "next") != (row[column] == "takes")
    }
    assert differs == STRICTER
    for strictness, name in STRICTER:
        assert table[name][strictness] != "next"
