# SPDX-License-Identifier: BSD-3-Clause
"""The data sets hold the figures of their origin, and are the files that the manifest names."""

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

import labkit as lk

DATASETS = Path(__file__).parents[2] / "datasets"

# config, size, target pps: tx pps, rx pps, drop %, average latency µs, largest latency µs, ierrors
PUBLISHED = {
    ("plain-rust", 64, 70_000): (70_000, 69_000, 1.4285, 144.0, None, None),
    ("plain-rust", 64, 700_000): (700_000, 400_193, 42.8295, 599.0, None, None),
    ("plain-rust", 512, 700_000): (700_000, 582_543, 16.7796, None, None, None),
    ("plain-rust", 8500, 70_000): (70_000, 33_908, 51.5601, None, None, None),
    ("rust-dpdk", 64, 70_000): (70_000, 69_000, 1.4286, None, None, 31_667),
    ("rust-dpdk", 512, 350_000): (350_000, 349_000, 0.2857, 273.0, None, 41_918),
    ("rust-dpdk", 1400, 700_000): (700_000, 569_926, 18.582, None, None, 36_895),
    ("tokio-dpdk", 1400, 700_000): (700_000, 138_567, 80.2047, None, None, 7_057),
    ("tokio-dpdk", 8500, 140_000): (125_205, 56_448, 54.9151, None, None, 16_096),
    ("native-dpdk", 64, 350_000): (350_000, 350_000, 0.0, 64.0, 851.0, None),
    ("native-dpdk", 1400, 700_000): (700_000, 674_637, 3.6232, 1073.0, 3065.0, None),
    ("native-dpdk", 8500, 350_000): (125_202, 120_300, 3.9148, 8918.0, 10_029.0, None),
}


@pytest.fixture(scope="module")
def echo() -> lk.Results:
    return lk.load("datasets/udp_echo_ec2")


@pytest.mark.parametrize("key", PUBLISHED, ids=str)
def test_figures_are_the_published_ones(echo: lk.Results, key: tuple[str, int, int]) -> None:
    config, size, target = key
    row = echo.where(config=config, size_bytes=size, target_pps=target).table.iloc[0]
    tx, rx, drop, average, largest, ierrors = PUBLISHED[key]
    assert (row["tx_pps"], row["rx_pps"], row["drop_percent"]) == (tx, rx, drop)
    for name, value in (
        ("latency_avg_ns", average and average * 1e3),
        ("latency_max_ns", largest and largest * 1e3),
        ("nic_ierrors", ierrors),
    ):
        assert pd.isna(row[name]) if value is None else row[name] == value, name


def test_the_grid_is_whole_but_for_what_was_above_the_cap(echo: lk.Results) -> None:
    table = echo.table
    assert (
        len(table)
        == 4 * 4 * 4 - 4
        == len(table[["config", "size_bytes", "target_pps"]].drop_duplicates())
    )
    assert table.groupby("size_bytes").size().to_dict() == {64: 16, 512: 16, 1400: 16, 8500: 12}
    assert len([text for text in echo.warnings if "30 Gbit/s" in text]) == 4


def test_every_figure_agrees_with_the_others(echo: lk.Results) -> None:
    table = echo.table
    dropped = 100 * (table["tx_pps"] - table["rx_pps"]) / table["tx_pps"]
    assert (dropped - table["drop_percent"]).abs().max() < 0.01
    layer_2 = table["tx_pps"] * table["size_bytes"].astype(float) * 8 / 1e6
    assert (layer_2 - table["tx_mbps"]).abs().max() < 0.1


def test_what_was_not_measured_is_missing(echo: lk.Results) -> None:
    table = echo.table
    assert not (table[["latency_avg_ns", "latency_max_ns"]] == 0).any(axis=None)
    measured = table.groupby("config")["latency_avg_ns"].count()
    assert measured.to_dict() == {
        "native-dpdk": 15, "plain-rust": 7, "rust-dpdk": 3, "tokio-dpdk": 0,
    }  # fmt: skip
    without = table[table["config"].isin(["plain-rust", "native-dpdk"])]
    assert without[["nic_imissed", "nic_ierrors", "nic_nombuf", "app_drops"]].isna().all(axis=None)
    assert table[["lost", "unsent", "latency_p50_ns", "started_at"]].isna().all(axis=None)


def test_files_are_those_of_the_manifest() -> None:
    listed = json.loads((DATASETS / "manifest.json").read_text())
    assert {"udp_echo_ec2/results.parquet", "udp_echo_ec2/run.json"} <= {e["file"] for e in listed}
    for entry in listed:
        data = (DATASETS / entry["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == entry["sha256"], entry["file"]
        assert entry["origin"]
        assert entry["what"]
