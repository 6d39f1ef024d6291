# SPDX-License-Identifier: BSD-3-Clause
"""A worker and a NIC on different NUMA nodes are told."""

import warnings
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import labkit as lk
from labkit.lab import numa
from labkit.machine.cpus import numa_node_of

WHO = 1


def test_node_of_a_cpu(tmp_path: Path) -> None:
    (tmp_path / "sys/devices/system/cpu/cpu3/node1").mkdir(parents=True)
    assert numa_node_of(3, tmp_path) == 1
    assert numa_node_of(4, tmp_path) is None


@pytest.mark.parametrize("node", [None, 0, 1])
def test_a_worker_far_from_its_nic(
    lab: lk.Lab, monkeypatch: pytest.MonkeyPatch, node: int | None
) -> None:
    a, b = lab.cable()
    path = lab.run(lk.rx(a) >> lk.sink())
    a.last_info = replace(a.last_info, numa_node=node)
    monkeypatch.setattr(numa, "numa_node_of", lambda cpu: 0)
    cpu = lab.workers["cpu"].iloc[0]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        numa.warn_of_distance(lab.engine, path.name, (a, b), WHO)
    if node == 1 and not pd.isna(cpu):  # a worker that floats is on no node
        assert f"CPU {cpu} of NUMA node 0, the NIC of port client on node 1" in str(told[0].message)
    else:
        assert told == []
