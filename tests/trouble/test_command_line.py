# SPDX-License-Identifier: BSD-3-Clause
"""labkit trouble: collect and look."""

import json
import stat
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

import labkit as lk
from labkit.cli import main
from labkit.trouble.collect import without_secrets
from tests.trouble.test_files import LINES


def test_what_was_collected_can_be_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "case.zip"
    ran = CliRunner().invoke(main, ["trouble", "collect", "--output", str(file), "--seconds", "0"])
    assert ran.exit_code == 0, ran.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    case = lk.trouble.look(file)
    devices = {reading.device for reading in case.evidence.readings}
    assert "lo" in devices
    series = [
        r
        for r in case.evidence.readings
        if r.device == "lo" and "interface/rx_packets" in r.counters
    ]
    assert len(series) >= 2
    settings = {name for reading in case.evidence.readings for name in reading.counters}
    assert "sysctl/net.ipv4.tcp_autocorking" in settings
    assert "vcpus" in {fact.name for fact in case.evidence.facts}
    ran = CliRunner().invoke(main, ["trouble", "collect", "--output", str(file)])
    assert ran.exit_code == 2
    assert "is there already" in ran.output


def test_what_to_collect_elsewhere_is_told() -> None:
    told = CliRunner().invoke(main, ["trouble", "collect", "--help"]).output
    for what in ("wevtutil", "Get-NetAdapterRss", "sysctl dev.ena", "describe-instances"):
        assert what in told


def test_a_collection_that_is_interrupted_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        lk.trouble.collect(tmp_path / "case.zip")
    assert not list(tmp_path.iterdir())


def test_exit_codes_and_json(tmp_path: Path) -> None:
    sick, sound = tmp_path / "sick.txt", tmp_path / "sound.txt"
    sick.write_text(LINES)
    sound.write_text("nothing of note\n")
    ran = CliRunner().invoke(main, ["trouble", "look", str(sick)])
    assert ran.exit_code == 1
    assert "CERTAIN: The device's keep-alive stopped" in ran.output
    assert "sick.txt:1" in ran.output
    ran = CliRunner().invoke(main, ["trouble", "look", "--json", str(sound), str(sick)])
    told = json.loads(ran.output)
    (finding,) = told["findings"]
    assert (finding["id"], finding["level"], finding["device"]) == (
        "keep-alive-lost",
        "certain",
        "eth1",
    )
    assert finding["evidence"][0] == {
        **{"sign": "silent", "file": "sick.txt", "line": 1, "count": 1},
        **{"clock": "boot", "seconds": 18509.800135},
        "text": "ena 0000:00:07.0 eth1: Keep alive watchdog timeout.",
    }
    assert CliRunner().invoke(main, ["trouble", "look", str(sound)]).exit_code == 0
    assert CliRunner().invoke(main, ["trouble", "look"]).exit_code == 2
    assert CliRunner().invoke(main, ["trouble", "lok"]).exit_code == 2


def test_an_interface_is_looked_at() -> None:
    ran = CliRunner().invoke(main, ["doctor", "--nic", "lo"])
    assert ran.exit_code == 0, ran.output
    assert "ip -s link show dev lo:" in ran.output
    assert "the kernel's files: " in ran.output
    ran = CliRunner().invoke(main, ["doctor", "--nic", "l"])
    assert ran.exit_code == 2
    assert "there is no interface 'l'" in ran.output


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "kernel.core_pattern = |/x\npassword=hunter2 rest",
            "kernel.core_pattern = |/x\npassword=[left out] rest",
        ),
        ("AWS_SECRET_ACCESS_KEY: abc/def", "AWS_SECRET_ACCESS_KEY: [left out]"),
        ("wifi-psk = 12345678", "wifi-psk = [left out]"),
        ("net.ipv4.tcp_fastopen_key = 1-2-3-4", "net.ipv4.tcp_fastopen_key = [left out]"),
        (
            "a -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- b",
            "a [private key left out] b",
        ),
        ("a -----BEGIN PRIVATE KEY-----\nMII", "a [private key left out]"),
        ("rx_packets: 12", "rx_packets: 12"),
    ],
)
def test_secrets_are_left_out(text: str, told: str) -> None:
    assert without_secrets(text) == told
