# SPDX-License-Identifier: BSD-3-Clause
"""Fields of every kind of layer, beside bytes whose fields scapy tells alike (data/fields.csv), and
of what is not whole."""

import csv
import random
from pathlib import Path

import pytest

from labkit.packet.fields.formats import FORMATS, fields_of
from labkit.packet.fields.ip_options import ipv4_options, ipv6_options
from labkit.packet.fields.transport import tcp_options
from labkit.packet.walk import KINDS

FILE = Path(__file__).parent / "data" / "fields.csv"
with FILE.open(newline="") as file:
    ROWS = [
        (row["kind"], bytes.fromhex(row["bytes"]), row["fields"]) for row in csv.DictReader(file)
    ]
WITHOUT_FIELDS = {"data", "padding", "trailer"}
REST = {"data", "rest", "icv"}  # names of all that is left
CHANGES = {("ppp", "proto"), ("llc", "ctrl")}  # their length is told by what stands behind


@pytest.mark.parametrize(("kind", "data", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_fields(kind: str, data: bytes, expected: str) -> None:
    assert ", ".join(f"{name}={value}" for name, value in fields_of(kind, data)) == expected


def test_every_kind_has_a_format_and_an_example() -> None:
    assert set(KINDS) <= set(FORMATS)
    assert {kind for kind, _, _ in ROWS} == set(FORMATS) - WITHOUT_FIELDS


@pytest.mark.parametrize(("kind", "data", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_of_a_part_the_fields_that_are_there(kind: str, data: bytes, expected: str) -> None:
    """Numbers of a header that is cut are those of the whole one, or are not told."""
    whole = dict(fields_of(kind, data))
    for length in range(len(data)):
        for name, value in fields_of(kind, data[:length]):
            if value.isdigit() and name not in REST and (kind, name) not in CHANGES:
                assert whole[name] == value
    assert fields_of(kind, b"") == ()


@pytest.mark.parametrize("kind", FORMATS)
def test_any_bytes_have_fields(kind: str) -> None:
    draw = random.Random(kind)
    rows = [data for of, data, _ in ROWS if of == kind] or [b""]
    for _ in range(300):
        data = bytearray(draw.choice(rows) + draw.randbytes(draw.randrange(40)))
        for _ in range(draw.randrange(4) if data else 0):
            data[draw.randrange(len(data))] = draw.randrange(256)
        for name, value in fields_of(kind, bytes(data)):
            assert name
            assert value.isprintable()


@pytest.mark.parametrize(
    ("options", "data", "expected"),
    [
        (ipv4_options, "830704010203040000", "[loose-route at 4 [1.2.3.4], end]"),
        (ipv4_options, "9400", "[router-alert of 0 bytes, which cannot be]"),
        (ipv4_options, "01940a", "[nop, router-alert of 10 bytes, which cannot be]"),
        (ipv6_options, "0005020000", "[pad1, router-alert 0]"),
        (ipv6_options, "c204000100", "[jumbo, which is longer than the header]"),
        (ipv6_options, "c2", "[jumbo, which is longer than the header]"),
        (tcp_options, "0205", "[mss of 5 bytes, which cannot be]"),
        (tcp_options, "02", "[mss of 0 bytes, which cannot be]"),
        (tcp_options, "fd04aabb00ff", "[experiment 1 aabb, end]"),
        (tcp_options, "01" * 40, "[" + "nop, " * 32 + "and 8 more]"),
    ],
)
def test_options_of_any_length(options: object, data: str, expected: str) -> None:
    assert callable(options)
    assert options(bytes.fromhex(data)) == expected
