# SPDX-License-Identifier: BSD-3-Clause
"""Settings as their tools print them: of Linux, FreeBSD, Windows and EC2."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import pytest

import labkit as lk
from labkit.trouble import gathered
from labkit.trouble.readers.powershell import records
from labkit.trouble.readers.windows_settings import plain_version
from tests.trouble.test_files import tar_of

CASES = Path(__file__).parent / "cases"
RSS = CASES / "windows-receives-on-cpu-0" / "possible" / "shown.txt"
PROPERTIES = CASES / "windows-receive-buffers-short" / "possible" / "shown.txt"


def facts(tmp_path: Path, text: str, name: str = "shown.txt") -> dict[tuple[str, str], str]:
    """Of a file with that text, by device and name."""
    (tmp_path / name).write_text(text)
    told = lk.trouble.look(tmp_path / name).evidence.facts
    return {(fact.device, fact.name): fact.value for fact in told}


@pytest.mark.parametrize("file", [RSS, CASES / "windows-device-warning" / "likely" / "shown.txt"])
@pytest.mark.parametrize(
    "written",
    [
        lambda text: text.encode(),
        lambda text: text.replace("\n", "\r\n").encode("utf-16"),
        lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
    ],
)
def test_what_powershell_writes(tmp_path: Path, file: Path, written: object) -> None:
    assert callable(written)
    (tmp_path / "a.txt").write_bytes(written(file.read_text()))
    found = {(f.id, f.level) for f in lk.trouble.look(tmp_path / "a.txt").findings}
    assert found == {(f.id, f.level) for f in lk.trouble.look(file).findings}
    assert found


def test_objects_of_both_shapes() -> None:
    text = RSS.read_text() + PROPERTIES.read_text()
    found = list(records(text.splitlines()))
    (scaling,) = (r for r in found if "profile" in r)
    assert scaling["baseprocessor"] == "0:0"
    assert scaling["rssprocessorarray"].endswith("0:14/0")  # goes on in the next line
    rows = [record for record in found if "displayname" in record]
    assert [row["displayname"] for row in rows][:2] == ["Jumbo Packet", "LLQ Header Size Policy"]
    assert {row["name"] for row in rows} == {"Ethernet 2"}


def test_properties_in_another_language(tmp_path: Path) -> None:
    """The registry's keyword tells which it is, its value what is set."""
    text = PROPERTIES.read_text().replace("Receive Side Scaling  ", "Empfangsseitige Skal. ")
    text = text.replace("Enabled  ", "Aktiviert")
    told = facts(tmp_path, text)
    assert told["Ethernet 2", "adapter/rss"] == "1"
    assert told["Ethernet 2", "adapter/receive_buffers"] == "1024"
    assert told["Ethernet 2", "mtu"] == "1500"  # 1,514 with the Ethernet header
    assert told["Ethernet 2", "adapter/metrics_refresh"] == "1"


def test_other_adapters_are_passed_over(tmp_path: Path) -> None:
    text = PROPERTIES.read_text().partition("Get-NetAdapterStatistics")[0]
    lines = [line for line in text.splitlines() if "LLQ" not in line and "Metrics" not in line]
    assert facts(tmp_path, "\n".join(lines)) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("03/08/2024 2.7.0.0", "2.7.0"),
        ("08.03.2024 2.7.0.0", "2.7.0"),
        ("Driver Date 2021-12-01 Version 2.2.3.0 NDIS 6.30", "2.2.3"),
        ("2.2.4.0", "2.2.4"),
        ("1.0.15.3", "1.0.15.3"),
        ("unknown", ""),
    ],
)
def test_versions_of_windows(text: str, told: str) -> None:
    assert plain_version(text) == told


INSTANCE, INTERFACE = "i-1234567890abcdef0", "eni-0d1234e5f6a78901b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "$ aws ec2 describe-instances --instance-ids i-1234567890abcdef0 "
            '--query "Reservations[].Instances[].EnaSupport"\n[\n    true\n]\n',
            {(INSTANCE, "ec2/ena_support"): "true"},
        ),
        (
            json.dumps({"InstanceId": INSTANCE, "SriovNetSupport": {"Value": "simple"}}),
            {(INSTANCE, "ec2/sriov_net_support"): "simple"},
        ),
        (
            f"NetworkInterfaceId  : {INTERFACE}\nInstanceId          : {INSTANCE}\n"
            "EnaSrdEnabled       : True\nEnaSrdUdpEnabled    : False\n",
            {(INTERFACE, "express/enabled"): "true", (INTERFACE, "express/udp"): "false"},
        ),
        (
            json.dumps([[INTERFACE, {"EnaSrdEnabled": True}]]),
            {(INTERFACE, "express/enabled"): "true"},
        ),
        (
            f"Reservations:\n- Instances:\n  - EnaSupport: true\n    InstanceId: {INSTANCE}\n",
            {(INSTANCE, "ec2/ena_support"): "true"},
        ),
        (
            "- EnaSupport: true\n  InstanceId: i-0598c7d356eba48d7\n"
            f"- EnaSupport: false\n  InstanceId: {INSTANCE}\n",
            {},  # whose it is depends on the order of fields
        ),
        (
            f"||  EnaSupport |  False       ||\n||  InstanceId |  {INSTANCE}  ||\n",
            {(INSTANCE, "ec2/ena_support"): "false"},
        ),
        ('{"EnaSupport": [', {}),
        ("[    0.000000] EnaSupport\n[ 1, 2 ]\n", {}),
        ('[[[[{"EnaSupport": true', {}),
    ],
)
def test_what_ec2_says(tmp_path: Path, text: str, expected: dict[tuple[str, str], str]) -> None:
    assert facts(tmp_path, text) == expected


def test_files_of_the_kernel(tmp_path: Path) -> None:
    """As sosreport keeps them, one value each."""
    folder = "sos/sys/class/net/ens5/queues/tx-0/byte_queue_limits"
    members = {
        f"{folder}/limit": b"75260\n",
        "sos/proc/sys/net/ipv4/tcp_limit_output_bytes": b"262144\n",
        "sos/sys/module/ena/parameters/force_large_llq_header": b"1\n",
        "sos/proc/cmdline": b"ro quiet net.ifnames=0\n",
    }
    (tmp_path / "sos.tar").write_bytes(tar_of(members))
    evidence = lk.trouble.look(tmp_path / "sos.tar").evidence
    told = {fact.name: fact.value for fact in evidence.facts}
    assert told == {"module/force_large_llq_header": "1", "net.ifnames": "0"}
    (reading,) = evidence.readings
    assert reading.counters == {"sysctl/net.ipv4.tcp_limit_output_bytes": 262144}


def test_a_module_that_is_not_loaded_has_no_version(tmp_path: Path) -> None:
    text = "filename:       /lib/modules/6.1.0/ena.ko\nversion:        1.0.0\nvermagic: 6.1.0 SMP\n"
    told = facts(tmp_path, text)
    assert told["", "modinfo/ena/version"] == "1.0.0"
    assert ("", "version") not in told
    ring = "$ ethtool -g ens5\nRing parameters for ens5:\nCurrent hardware settings:\nRX:\t1024\n"
    assert facts(tmp_path, text + ring)["ens5", "ring/rx"] == "1024"


def test_counters_of_freebsd_are_those_of_linux(tmp_path: Path) -> None:
    begin = "dev.ena.1.eni_metrics.bw_in_allowance_exceeded: {}\ndev.ena.1.hw_stats.rx_drops: 0\n"
    files = []
    for number, value in enumerate((0, 900)):
        files.append(tmp_path / f"{number}.txt")
        files[-1].write_text(begin.format(value) + "dev.ena.1.queue0.tx_ring.count: 7\n")
    case = lk.trouble.look(*files)
    assert [(f.id, f.device, f.level) for f in case.findings] == [
        ("bandwidth-in-allowance", "ena1", "likely")
    ]
    assert case.evidence.readings[0].counters["queue_0_tx_cnt"] == 7


def test_lines_to_ignore_are_told() -> None:
    case = lk.trouble.look(*sorted((CASES.parent / "healthy" / "ignored-lines").iterdir()))
    told = [note.text for note in case.notes if "to ignore" in note.text]
    assert len(told) == 3
    for what in ("feature 10", "feature 27", "host attributes", "memory was short"):
        assert any(what in text for text in told), what
    assert not any(note.is_fault for note in case.notes)


@pytest.mark.parametrize(("reads", "ignored"), [(1, True), (2, True), (3, False)])
def test_a_register_that_was_read_again(tmp_path: Path, reads: int, ignored: bool) -> None:
    line = "[ {}.1] [ENA_COM: ena_com_reg_bar_read32] reading reg failed for timeout. expected: x\n"
    (tmp_path / "dmesg").write_text("".join(line.format(40 + at) for at in range(reads)))
    case = lk.trouble.look(tmp_path / "dmesg")
    assert any("to ignore" in note.text for note in case.notes) is ignored
    assert [finding.id for finding in case.findings] == ([] if ignored else ["register-timeout"])


@pytest.mark.parametrize(
    "line",
    ['[[[[[[[[{"EnaSupport": [', "Name : Elastic Network Adapter", "---- ---- ena.inf", "[ 0.1] x"],
)
def test_long_files_are_read_in_one_pass(line: str) -> None:
    lines: Sequence[str] = [line] * 20_000
    begin = perf_counter()
    list(gathered.outputs("\n".join(lines), "x", datetime.now(UTC)))
    assert perf_counter() - begin < 20


def test_a_driver_store_in_another_language(tmp_path: Path) -> None:
    text = (
        "Veröffentlichter Name: oem4.inf\nUrsprünglicher Name:   ena.inf\n"
        "Anbietername:          Amazon Inc.\nTreiberversion:        08.03.2024 2.7.0.0\n\n"
        "Betriebssystemname:    Microsoft Windows Server 2008 R2 Standard\n"
    )
    assert facts(tmp_path, text) == {
        ("", "store/newest"): "2.7.0",
        ("", "store/packages"): "1",
        ("", "windows"): "2008 R2",
    }


def test_a_part_of_lsmod(tmp_path: Path) -> None:
    told = facts(tmp_path, "$ lsmod | grep ena\nena                    98304  0\n")
    assert told == {("", "module/ena"): "loaded"}


def test_all_that_an_account_has_is_no_case(tmp_path: Path) -> None:
    images = [{"ImageId": f"ami-{n:017x}", "EnaSupport": False} for n in range(1000)]
    (tmp_path / "images.json").write_text(json.dumps({"Images": images}, indent=1))
    case = lk.trouble.look(tmp_path / "images.json")
    assert not case.evidence.facts
    assert any("1,000 instances, images" in note.text for note in case.notes if note.is_fault)


def test_the_version_of_freebsds_driver(tmp_path: Path) -> None:
    text = "hw.ena.driver_version: 2.6.1\nhw.ena.force_large_llq_header: 1\n"
    told = facts(tmp_path, text + "dev.ena.0.wd_active: 1\n")
    assert told["", "freebsd/version"] == "2.6.1"
    assert told["", "module/force_large_llq_header"] == "1"
    assert told["ena0", "freebsd/wd_active"] == "1"
