# SPDX-License-Identifier: BSD-3-Clause
"""Telemetry of applications that answer oddly, in odd places, of other users."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from labkit.machine.telemetry import SOCKET
from labkit.machine.telemetry_sockets import socket_path
from labkit.sources import SourceError, Telemetry
from labkit.sources.base import MISSING
from tests.machine.test_telemetry import application
from tests.network import unique_name

NOBODY = 65534

ODD_VALUES: dict[str, tuple[str, int]] = {
    "plain": ("7", 7),
    "largest": (str(2**64 - 2), 2**64 - 2),
    "null": ("null", MISSING),
    "negative": ("-1", MISSING),
    "too_large": (str(2**64), MISSING),
    "nested": ('{"q0": 1}', MISSING),
    "listed": ("[1, 2]", MISSING),
    "true": ("true", MISSING),
    "text": ('"12"', 12),
    "hexadecimal": ('"0x1F"', 31),
    "largest_text": (f'"{2**64 - 2}"', 2**64 - 2),
    "too_large_text": (f'"{2**64}"', MISSING),
    "negative_text": ('"-3"', MISSING),
    "word": ('"many"', MISSING),
    "empty": ('""', MISSING),
    "whole": ("1e3", 1000),
    "part": ("1.5", MISSING),
    "nan": ("NaN", MISSING),
    "infinite": ("Infinity", MISSING),
}
GOOD = {
    "/ethdev/list": '{"/ethdev/list": [0]}',
    "/ethdev/info,0": '{"/ethdev/info": {"name": "net_x0"}}',
    "/ethdev/xstats,0": '{"/ethdev/xstats": {"rx_good_packets": 5}}',
    "/ethdev/link_status,0": '{"/ethdev/link_status": {"status": "DOWN"}}',
}


def read(folder: Path, changes: dict[str, str]) -> dict[str, int]:
    with application(folder, GOOD | changes) as path, Telemetry(path) as source:
        sample = source.sample()
        assert sample is not None, source.reason
        return sample.as_dict()


def test_a_value_that_is_no_count_is_missing(tmp_path: Path) -> None:
    counters = ", ".join(f'"{name}": {text}' for name, (text, _) in ODD_VALUES.items())
    found = read(tmp_path, {"/ethdev/xstats,0": f'{{"/ethdev/xstats": {{{counters}}}}}'})
    assert found == {
        **{f"port/net_x0/{name}": value for name, (_, value) in ODD_VALUES.items()},
        "port/net_x0/link_up": 0,
    }


@pytest.mark.parametrize(
    ("status", "link"),
    [
        ('{"status": "UP", "speed": 10}', 1),
        ('{"status": "DOWN"}', 0),
        *((text, MISSING) for text in ("{}", '{"status": null}', '{"status": ["UP"]}', "null")),
    ],
)
def test_a_link_that_is_not_told_is_missing(tmp_path: Path, status: str, link: int) -> None:
    found = read(tmp_path, {"/ethdev/link_status,0": f'{{"/ethdev/link_status": {status}}}'})
    assert found == {"port/net_x0/rx_good_packets": 5, "port/net_x0/link_up": link}


def test_statistics_that_a_driver_does_not_give_are_told(tmp_path: Path) -> None:
    unread = GOOD | {"/ethdev/xstats,0": '{"/ethdev/xstats": null}'}
    with application(tmp_path, unread) as path, Telemetry(path) as source:
        sample = source.sample()
        assert sample is not None
        assert sample.as_dict() == {"port/net_x0/link_up": 0}
        assert source.state == "live"
        assert "the driver of net_x0 gives no statistics" in source.reason
    (tmp_path / "sound").mkdir()
    with application(tmp_path / "sound", GOOD) as path, Telemetry(path) as source:
        source.sample()
        assert "no statistics" not in source.reason


def test_a_port_without_a_name_has_its_number(tmp_path: Path) -> None:
    for info in ("null", "{}", '{"name": null}'):
        folder = tmp_path / str(len(info))
        folder.mkdir()
        found = read(folder, {"/ethdev/info,0": f'{{"/ethdev/info": {info}}}'})
        assert found == {"port/0/rx_good_packets": 5, "port/0/link_up": 0}


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        *(("/ethdev/list", answer) for answer in ("{}", "7", '"text"', "[null]", "[[0]]", "[-1]")),
        *(("/ethdev/xstats,0", answer) for answer in ("[]", "[1]", "7", '"text"', "true")),
        *(("/ethdev/info,0", answer) for answer in ("[]", '"text"')),
        *(("/ethdev/link_status,0", answer) for answer in ("[]", "1", '"UP"')),
        ("/ethdev/xstats,0", "[" * 8000),
    ],
)
def test_an_application_that_answers_otherwise_is_gone_and_why_is_told(
    tmp_path: Path, question: str, answer: str
) -> None:
    odd = f'{{"{question.partition(",")[0]}": {answer}}}'
    with application(tmp_path, GOOD | {question: odd}) as path, Telemetry(path) as source:
        assert source.sample() is None
        assert source.state == "gone"
        assert question.partition(",")[0] in source.reason or "nested too deeply" in source.reason


@pytest.mark.parametrize(
    "change",
    [
        *({"pid": pid} for pid in (None, "x", {})),
        *({"max_output_len": room} for room in (None, -1, 0, float("inf"), 2**62, "x")),
    ],
)
def test_a_greeting_that_is_none_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    greeting = json.dumps({"version": "DPDK 22.11.0", "pid": 7, "max_output_len": 16384} | change)
    with (
        application(tmp_path, {}, greeting) as path,
        pytest.raises(SourceError, match=r"does not answer \(its greeting is"),
    ):
        Telemetry(path).open()


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A short one: the path of a socket has 108 bytes at most."""
    with TemporaryDirectory(prefix="lk") as folder:
        yield Path(folder)


def runtime(folder: Path, prefix: str) -> Path:
    made = folder / "dpdk" / prefix
    made.mkdir(parents=True)
    return made


def test_an_application_in_the_users_runtime_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix, other = unique_name("lkx"), unique_name("lky")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with application(runtime(tmp_path, prefix), GOOD) as path, Telemetry(prefix) as source:
        assert source.path == path
        assert source.sample() is not None
        with pytest.raises(SourceError, match=rf"these applications have one: .*{path.parent}"):
            Telemetry(other).open()


def test_an_application_in_a_directory_that_only_the_kernel_knows(tmp_path: Path) -> None:
    """As of a service, or of another user's XDG_RUNTIME_DIR."""
    prefix = unique_name("lkx")
    with application(runtime(tmp_path, prefix), GOOD) as path, Telemetry(prefix) as source:
        assert source.path == path
        assert source.sample() is not None


def test_applications_that_share_a_runtime_directory(tmp_path: Path) -> None:
    """As with --in-memory: the second one's socket has a number behind its name."""
    prefix = unique_name("lkx")
    folder = runtime(tmp_path, prefix)
    second = GOOD | {"/ethdev/xstats,0": '{"/ethdev/xstats": {"rx_good_packets": 6}}'}
    with application(folder, GOOD), application(folder, second, name=f"{SOCKET}:1") as path:
        for where, label, packets in (
            (prefix, prefix, 5),
            (f"{prefix}:1", f"{prefix}:1", 6),
            (path, f"{prefix}:1", 6),
        ):
            with Telemetry(where) as source:
                sample = source.sample()
                assert sample is not None, source.reason
                assert sample["port/net_x0/rx_good_packets"] == packets
                assert source.label == f"telemetry of {label}"
        with pytest.raises(SourceError, match=rf"these applications have one: .*{path}"):
            Telemetry(f"{prefix}:2").open()


def test_a_socket_of_any_name_is_taken_as_it_is(tmp_path: Path) -> None:
    with application(tmp_path, GOOD, name="renamed") as path, Telemetry(path) as source:
        assert source.sample() is not None


@contextmanager
def as_nobody() -> Iterator[None]:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.mark.parametrize("closed", ["directory", "socket"])
def test_an_application_of_another_user_is_named_with_its_owner(closed: str) -> None:
    prefix = unique_name("lkx")
    with open_folder() as root, application(runtime(root, prefix), GOOD) as path:
        folder = path.parent
        path.chmod(0o600)
        if closed == "directory":
            folder.parent.chmod(0o700)
        with as_nobody():
            for where in (prefix, folder, path):
                with pytest.raises(SourceError, match=rf"{path} belongs to root, .* as root"):
                    Telemetry(where).open()
            with pytest.raises(SourceError, match=rf"these applications have one: .*{folder}"):
                Telemetry(unique_name("lky")).open()


def test_of_two_with_one_prefix_the_one_that_answers_this_user() -> None:
    prefix = unique_name("lkx")
    with (
        open_folder() as one,
        open_folder() as other,
        application(runtime(one, prefix), GOOD) as refused,
        application(runtime(other, prefix), GOOD) as path,
    ):
        refused.chmod(0o600)
        path.chmod(0o666)
        with as_nobody(), Telemetry(prefix) as source:
            assert source.path == path
            assert source.sample() is not None


@contextmanager
def open_folder() -> Iterator[Path]:
    """A directory that every user may look into, as pytest's are not."""
    with TemporaryDirectory(prefix="lkx") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_what_is_no_directory_says_how_to_name_an_application(tmp_path: Path) -> None:
    file = tmp_path / "capture.pcap"
    file.write_text("")
    with pytest.raises(SourceError, match=r"capture.pcap is no directory; name the application by"):
        Telemetry(file).open()


def test_ways_to_name_an_application() -> None:
    socket = Path("/run/dpdk/lkx/dpdk_telemetry.v2")
    assert socket_path("/run/dpdk/lkx") == socket_path(socket) == socket
    assert socket_path(f"{socket}:12") == Path(f"{socket}:12")
    assert socket_path("lkx:12").name == "dpdk_telemetry.v2:12"
