# SPDX-License-Identifier: BSD-3-Clause
"""Files of a case: archives, damaged ones, hostile ones, large ones, those of several kinds."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import labkit as lk
from labkit.trouble import opened

LINES = (
    "[18509.800135] ena 0000:00:07.0 eth1: Keep alive watchdog timeout.\n"
    "[18509.815244] ena 0000:00:07.0 eth1: Trigger reset is on\n"
    "[18509.850275] ena 0000:00:07.0 eth1: wd_expired: 1\n"
)
LOG = LINES.encode()


def found(path: Path) -> list[str]:
    return [f"{f.id}:{f.evidence[0].place}" for f in lk.trouble.look(path).findings]


def faults(path: Path) -> list[str]:
    return [f"{note.place}: {note.text}" for note in lk.trouble.look(path).notes if note.is_fault]


def tar_of(members: dict[str, bytes], mode: str = "w:") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def zip_of(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "place"),
    [
        ("dmesg.gz", gzip.compress(LOG), "dmesg.gz:1"),
        ("dmesg.bz2", bz2.compress(LOG), "dmesg.bz2:1"),
        ("dmesg.xz", lzma.compress(LOG), "dmesg.xz:1"),
        ("sos.tar", tar_of({"sos/var/log/messages": LOG}), "sos.tar:sos/var/log/messages:1"),
        ("sos.tar.xz", tar_of({"s/dmesg": LOG}, "w:xz"), "sos.tar.xz:s/dmesg:1"),
        ("sos.tar.gz", tar_of({"s/dmesg": LOG}, "w:gz"), "sos.tar.gz:s/dmesg:1"),
        ("case.zip", zip_of({"a/dmesg.txt": LOG}), "case.zip:a/dmesg.txt:1"),
        ("all.zip", zip_of({"a.tgz": tar_of({"d": LOG}, "w:gz")}), "all.zip:a.tgz:d:1"),
        ("wrong.pcap", LOG, "wrong.pcap:1"),
        ("crlf.txt", LOG.replace(b"\n", b"\r\n"), "crlf.txt:1"),
        ("noise.txt", b"\x81\xfe garbage \x80\n" + LOG, "noise.txt:2"),
    ],
)
def test_where_it_was_found(tmp_path: Path, name: str, data: bytes, place: str) -> None:
    (tmp_path / name).write_bytes(data)
    assert found(tmp_path / name) == [f"keep-alive-lost:{place}"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "case" / "var").mkdir(parents=True)
    (tmp_path / "case" / "var" / "messages").write_bytes(LOG)
    (tmp_path / "case" / "link").symlink_to("/etc/passwd")
    assert found(tmp_path / "case") == ["keep-alive-lost:case/var/messages:1"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:40] + bytes(20) + data[60:],
        lambda data: data[:24],
    ],
)
@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        bz2.compress,
        lzma.compress,
        lambda log: tar_of({"a": log, "b": log}, "w:gz"),
        lambda log: tar_of({"a": log, "b": log}, "w:xz"),
        lambda log: zip_of({"a": log, "b": log}),
    ],
)
def test_damaged_ones_are_named(
    tmp_path: Path, pack: Callable[[bytes], bytes], damage: Callable[[bytes], bytes]
) -> None:
    good, bad = tmp_path / "good.txt", tmp_path / "bad.xyz"
    good.write_bytes(LOG)
    bad.write_bytes(damage(pack(LOG + bytes(range(97, 123)) * 4000)))
    case = lk.trouble.look(bad, good)
    assert [f.id for f in case.findings] == ["keep-alive-lost"]
    assert any(note.is_fault and note.place.file.startswith("bad.xyz") for note in case.notes)


def test_nothing_is_written_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths that lead out, links and devices in archives are names and nothing else."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name in ("../evil", "/tmp/labkit-evil", "a/../../evil"):
            info = tarfile.TarInfo(name)
            info.size = len(LOG)
            archive.addfile(info, io.BytesIO(LOG))
        for kind, target in ((tarfile.SYMTYPE, "/etc/passwd"), (tarfile.CHRTYPE, "")):
            info = tarfile.TarInfo(f"special{kind!r}")
            info.type, info.linkname = kind, target
            archive.addfile(info)
    (home / "a.tar").write_bytes(file.getvalue())
    (home / "b.zip").write_bytes(zip_of({"../../evil": LOG}))
    assert len(lk.trouble.look("a.tar", "b.zip").findings) == 1
    assert sorted(path.name for path in home.iterdir()) == ["a.tar", "b.zip"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]
    assert not Path("/tmp/labkit-evil").exists()


def test_bombs_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened, "MOST_BYTES", 1 << 20)
    zeros = bytes(8 << 20)
    for name, data in (
        ("a.zip", zip_of({"a": zeros})),
        ("b.gz", gzip.compress(zeros)),
        ("c.tar.xz", tar_of({"a": zeros}, "w:xz")),
        ("d.zip", zip_of({"a.zip": zip_of({"b.zip": zip_of({"c": zeros})})})),
    ):
        (tmp_path / name).write_bytes(data)
        assert any("come out of it" in text for text in faults(tmp_path / name)), name
    monkeypatch.setattr(opened, "MOST_FILES", 10)
    (tmp_path / "many.zip").write_bytes(zip_of({str(n): b"x" for n in range(20)}))
    assert any("more than 10 files" in text for text in faults(tmp_path / "many.zip"))


def test_times_that_cannot_be_and_what_is_no_file(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for mtime in (-5, 1e18):
            info = tarfile.TarInfo(f"at{mtime:.0f}")
            info.size, info.mtime = len(LOG), mtime
            archive.addfile(info, io.BytesIO(LOG))
    (tmp_path / "odd.tar").write_bytes(file.getvalue())
    assert faults(tmp_path / "odd.tar") == []
    assert len(lk.trouble.look(tmp_path / "odd.tar").findings[0].evidence) >= 2
    os.mkfifo(tmp_path / "pipe")
    assert faults(tmp_path / "pipe") == ["pipe: is no file: a pipe, a socket or a device"]


def test_a_long_log_inside_an_archive_is_not_held(tmp_path: Path) -> None:
    """It is read as it comes, as one that lies alone."""
    long = b"nothing of note happens in this line of the log\n" * 2_000_000 + LOG
    for name, data in (
        ("a.tar.gz", tar_of({"messages": long}, "w:gz")),
        ("a.zip", zip_of({"m": long})),
    ):
        (tmp_path / name).write_bytes(data)
        tracemalloc.start()
        case = lk.trouble.look(tmp_path / name)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert [f.id for f in case.findings] == ["keep-alive-lost"]
        assert peak < len(long) / 2


def test_a_flood_is_counted(tmp_path: Path) -> None:
    """Lines alike are kept once in a while, and those of another kind behind them are not lost."""
    line = "ena 0000:00:05.0 ens5: TX hasn't completed, qid 3, index {}. 5000 usecs\n"
    flood = "".join(f"[{n}.000000] {line.format(n)}" for n in range(5000))
    (tmp_path / "dmesg").write_text(flood + "x" * 200_000 + "\n" + LINES)
    case = lk.trouble.look(tmp_path / "dmesg")
    by_id = {f.id: f for f in case.findings}
    (lost,) = by_id["tx-completions-missing"].evidence
    assert (lost.count, lost.place.line) == (5000, 1)
    assert by_id["keep-alive-lost"].evidence[0].place.line == 5002


def test_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "core").write_bytes(b"\x7fELF" + bytes(1000))
    assert "is no text" in faults(tmp_path / "core")[0]
    with pytest.raises(lk.LabError, match="there is no file"):
        lk.trouble.look(tmp_path / "absent")
    with pytest.raises(lk.LabError, match="give files"):
        lk.trouble.look()
    with pytest.raises(lk.LabError, match="is no file's name"):
        lk.trouble.look(3)  # type: ignore[arg-type]
    (tmp_path / "empty").write_bytes(b"")
    case = lk.trouble.look(tmp_path / "empty")
    assert not case.findings
    assert "no rule found anything" in repr(case)


@pytest.mark.parametrize(
    "line",
    [
        f"     rx_drops: {'9' * 5000}",
        "    RX packets:²³ errors:0 dropped:0 overruns:0 frame:0",
        f" Sent {'1' * 5000} bytes 2 pkt (dropped 3, overlimits 0 requeues 0)",
        f"  eth0: {' '.join(['7' * 5000] * 16)}",
        f"a{' ' * 3_000_000}b",
        "x: " * 1_000_000,
        "[" * 1_000_000 + "{" * 1_000_000,
    ],
)
def test_numbers_that_are_none_cost_no_more_than_their_line(tmp_path: Path, line: str) -> None:
    sound = "NIC statistics:\n     rx_drops: 5\n     tx_drops: 6\n     wd_expired: 0\n"
    (tmp_path / "all.txt").write_text(
        f"# ethtool -S eth0\n{sound}\n{line}\n\n# ethtool -S eth1\n{sound}"
    )
    case = lk.trouble.look(tmp_path / "all.txt")
    assert {reading.device for reading in case.evidence.readings} >= {"eth0", "eth1"}
    assert not any(note.is_fault for note in case.notes)


def test_the_same_of_many_devices_is_told_once(tmp_path: Path) -> None:
    log = tmp_path / "dmesg.txt"
    log.write_text("".join(LINES.replace("eth1", f"eth{n}") for n in range(30)))
    case = lk.trouble.look(log)
    assert len(case.findings) == 30
    for told in (repr(case), case._repr_html_()):
        assert told.count("Once in a month") == 3
        assert "on 27 devices more: eth" in told
        assert "and 7 others" in told
