# SPDX-License-Identifier: BSD-3-Clause
"""Metrics of CloudWatch, exported in three ways."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

import labkit as lk

BEGIN = datetime(2024, 11, 3, 4, 10, tzinfo=UTC).timestamp()
DATA = {
    "MetricDataResults": [
        {
            **{"Id": "m1", "Label": "NetworkPacketsIn", "StatusCode": "Complete"},
            "Timestamps": ["2024-11-03T04:15:00+00:00", "2024-11-03T04:10:00+00:00"],
            "Values": [812.0, 90123.5],
        }
    ],
    "Messages": [],
}
STATISTICS = {
    "Label": "NetworkPacketsIn",
    "Datapoints": [
        {"Timestamp": "2024-11-03T04:15:00Z", "Sum": 812.0, "Unit": "Count"},
        {"Timestamp": "2024-11-03T04:10:00Z", "Sum": 90123.5, "Unit": "Count"},
    ],
}
CSV = "ID,m1\nLabel,NetworkPacketsIn\n2024/11/03 04:10:00,90123.5\n2024/11/03 04:15:00,812\n"


@pytest.mark.parametrize("text", [json.dumps(DATA, indent=4), json.dumps(STATISTICS), CSV])
def test_values_in_order(text: str, tmp_path: Path) -> None:
    (tmp_path / "metrics").write_text(text)
    evidence = lk.trouble.look(tmp_path / "metrics").evidence
    assert [reading.counters for reading in evidence.readings] == [
        {"cloudwatch/NetworkPacketsIn": 90124},
        {"cloudwatch/NetworkPacketsIn": 812},
    ]
    assert [reading.moment.seconds - BEGIN for reading in evidence.readings] == [0, 300]
    assert "metrics of CloudWatch, 2 values" in [note.text for note in evidence.notes]


def test_an_instance_is_a_device(tmp_path: Path) -> None:
    label = "i-0123456789abcdef0 NetworkPacketsIn"
    (tmp_path / "a.json").write_text(json.dumps(STATISTICS | {"Label": label}))
    readings = lk.trouble.look(tmp_path / "a.json").evidence.readings
    assert {reading.device for reading in readings} == {"i-0123456789abcdef0"}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(DATA)[:-30],
        json.dumps({"MetricDataResults": [{"Id": "a", "Values": [1], "Timestamps": []}]}),
        json.dumps({"MetricDataResults": 3}),
        json.dumps({"MetricDataResults": [{"Id": "a"}]}),
        json.dumps([STATISTICS]),
        '{"Datapoints": ' + "[" * 100_000,
    ],
)
def test_damaged_exports_are_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    assert any(note.is_fault for note in lk.trouble.look(tmp_path / "a.json").notes)


def test_numbers_that_are_none(tmp_path: Path) -> None:
    points = [{"Timestamp": "2024-11-03T04:15:00Z", "Sum": float("nan")}]
    (tmp_path / "a.json").write_text(json.dumps(STATISTICS | {"Datapoints": points}))
    assert not lk.trouble.look(tmp_path / "a.json").evidence.readings


@pytest.mark.parametrize(
    ("label", "told"),
    [
        ("ethtool_ena_srd_tx_pkts", "40% of the packets sent went over ENA Express"),
        ("ena_srd_rx_pkts", None),
    ],
)
def test_the_share_of_ena_express(label: str, told: str | None, tmp_path: Path) -> None:
    """Of the times that both metrics have."""
    rows = ["2024/11/03 04:10:00,400,1000", "2024/11/03 04:15:00,,900", "2024/11/03 04:20:00,0,0"]
    text = "\n".join([f"Label,{label},NetworkPacketsOut", *rows])
    (tmp_path / "a.csv").write_text(text)
    notes = [note.text for note in lk.trouble.look(tmp_path / "a.csv").notes]
    assert [text for text in notes if "Express" in text] == ([told] if told else [])
