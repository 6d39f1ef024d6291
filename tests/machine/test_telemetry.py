# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's telemetry as one client speaks it, with an application that answers anything."""

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from labkit.machine.telemetry import SOCKET, TelemetryClient

GREETING = json.dumps({"version": "DPDK 22.11.0", "pid": 7, "max_output_len": 16384})


@contextmanager
def application(
    folder: Path, answers: Mapping[str, str], greeting: str = GREETING, name: str = SOCKET
) -> Iterator[Path]:
    """Greets clients, one after the other, and answers each until it leaves or asks what has no
    answer."""
    path = folder / name
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(path))
        listener.listen(1)

        def serve() -> None:
            with suppress(OSError):  # of accept, when the application ends
                while True:
                    with listener.accept()[0] as channel, suppress(BrokenPipeError):
                        channel.send(greeting.encode())
                        while (question := channel.recv(1024).decode()) in answers:
                            channel.send(answers[question].encode())

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield path
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_name_that_stands_twice_is_kept_twice(tmp_path: Path) -> None:
    """As ENA's driver has it: rx_q0_bytes."""
    answer = '{"/ethdev/xstats": {"rx_q0_bytes": 1, "rx_q0_bytes": 2, "tx_good_packets": 3}}'
    with (
        application(tmp_path, {"/ethdev/xstats,0": answer}) as path,
        closing(TelemetryClient(path)) as client,
    ):
        assert (client.version, client.pid) == ("DPDK 22.11.0", 7)
        assert client.ask("/ethdev/xstats,0") == {
            "rx_q0_bytes": 1,
            "rx_q0_bytes#2": 2,
            "tx_good_packets": 3,
        }


def test_what_failed_is_none_and_who_is_gone_an_error(tmp_path: Path) -> None:
    answers = {"/ethdev/xstats,9": '{"/ethdev/xstats": null}', "/odd": "null", "/text": "no JSON"}
    with application(tmp_path, answers) as path, closing(TelemetryClient(path)) as client:
        assert client.ask("/ethdev/xstats,9") is None
        with pytest.raises(ValueError, match="it does not answer /odd"):
            client.ask("/odd")
        with pytest.raises(ValueError, match="Expecting value"):
            client.ask("/text")
        with pytest.raises(ConnectionResetError):
            client.ask("/the/end")


def test_who_greets_as_no_application_does_is_refused(tmp_path: Path) -> None:
    with (
        application(tmp_path, {}, '{"hello": "world"}') as path,
        pytest.raises(ValueError, match="its greeting is"),
    ):
        TelemetryClient(path)


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        TelemetryClient(tmp_path / SOCKET)
