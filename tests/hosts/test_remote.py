# SPDX-License-Identifier: BSD-3-Clause
"""What a DUT on another host needs is asked for, and what differs between hosts is told."""

import pickle

import pytest

import labkit as lk
from labkit.dut.base import WireEnd
from labkit.hosts import hosts
from labkit.machine.description import differing
from labkit.runs.sweep_folder import dut_parameters

WIRE = {"near": "af_packet:eth1", "far": "af_packet:eth2", "scheduler": "tcp://10.0.0.1:8786"}


def test_what_is_not_named_is_asked_for() -> None:
    with pytest.raises(lk.LabError, match="labkit-echo@b: scheduler is not named; give scheduler="):
        lk.dut.Remote(lk.dut.LabkitEcho(), host="b")
    with pytest.raises(lk.LabError, match="dut is 'echo'; it is a DUT of a host, such as"):
        lk.dut.Remote("echo", host="b", **WIRE)  # type: ignore[arg-type]
    with pytest.raises(lk.LabError, match="ip_version is 6 and that of labkit-echo is 4"):
        lk.dut.Remote(lk.dut.LabkitEcho(), host="b", ip_version=6, **WIRE)  # type: ignore[arg-type]


def test_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "CONNECT_SECONDS", 1)
    with pytest.raises(lk.LabError, match=r"no Dask scheduler answers at tcp://127.0.0.1:1"):
        lk.Hosts("tcp://127.0.0.1:1")


def test_a_remote_dut_is_plain_data() -> None:
    dut = lk.dut.Remote(lk.dut.LabkitEcho(ip_version=6), host="b", **WIRE)  # type: ignore[arg-type]
    assert (dut.name, dut.ip_version, dut.max_size) == ("labkit-echo@b", 6, 1518)
    assert pickle.loads(pickle.dumps(dut)) == dut
    told = dut_parameters(dut)
    assert told["dut"]["type"] == "LabkitEcho"
    assert "scheduler" not in told, "a sweep goes on with another one"
    nic = lk.dut.Remote(lk.dut.LabkitEcho(), host="b", **{**WIRE, "near": "pci:0000:06:00.0"})  # type: ignore[arg-type]
    assert nic.eal == lk.EalConfig(pci=("0000:06:00.0",))


def test_kernel_echo_stays_here(lab: lk.Lab) -> None:
    end = WireEnd("af_packet:eth1", 1500, "10.0.0.2", "02:00:00:00:00:01")
    with pytest.raises(lk.LabError, match="on another host run LabkitEcho, PythonEcho or Testpmd"):
        lk.dut.KernelEcho().on(lab, end)


def test_versions_that_differ_are_told() -> None:
    here = {"packages": {"labkit": "0.1"}, "dpdk": "DPDK 22.11.11"}
    there = {"packages": {"labkit": "0.2"}, "dpdk": "DPDK 23.11.1"}
    assert differing(here, here) == []
    assert differing(there, here) == [
        "labkit 0.2 there and 0.1 here",
        "DPDK 23.11.1 there and 22.11.11 here",
    ]
    results = lk.Results.from_rows([{}], {"machines": [here], "hosts": {"b": there}})
    assert "host b has DPDK 23.11.1 there and 22.11.11 here" in results.warnings
