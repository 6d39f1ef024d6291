# SPDX-License-Identifier: BSD-3-Clause
"""The socket on which a DPDK application tells its counters, opened by EAL unless told otherwise.

https://doc.dpdk.org/guides/prog_guide/telemetry_lib.html: SOCK_SEQPACKET, JSON.
"""

import json
import socket
from pathlib import Path
from typing import Any

from labkit.text import unique

SOCKET = "dpdk_telemetry.v2"
ANSWER_SECONDS = 2.0  # then an application whose statistics hang (ENA's admin queue) is gone
MOST_GREETING = 1 << 16
MOST_ANSWER = 1 << 24  # DPDK says 16 KiB


class TelemetryClient:
    """A connection to the socket of one application.

    Raises OSError when nobody is there or answers, ValueError for an answer that is none.

    Attributes
    ----------
    version, pid: of the application
    """

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(ANSWER_SECONDS)
        try:
            self._socket.connect(str(path))
            greeting = _parsed(self._socket.recv(MOST_GREETING))
            try:
                self.version, self.pid = str(greeting["version"]), int(greeting["pid"])
                self._room = int(greeting["max_output_len"]) + 1
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                raise ValueError(f"its greeting is {greeting!r}: {error!r}") from None
            if not 1 < self._room <= MOST_ANSWER:
                raise ValueError(f"its greeting is {greeting!r}: no length of an answer")
        except BaseException:
            self._socket.close()
            raise

    def ask(self, command: str) -> Any:
        """The answer to a command such as "/ethdev/xstats,0"; None where that failed."""
        self._socket.send(command.encode())
        data = self._socket.recv(self._room)
        if not data:
            raise ConnectionResetError("the socket was closed")
        answer = _parsed(data)
        try:
            return answer[command.partition(",")[0]]
        except (KeyError, TypeError):
            raise ValueError(f"it does not answer {command}") from None

    def close(self) -> None:
        """Leaves the application."""
        self._socket.close()


def _parsed(data: bytes) -> Any:
    # Some drivers use one name twice (ENA: rx_q0_bytes), and so does the JSON.
    try:
        return json.loads(data, object_pairs_hook=_unique_pairs)
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(zip(unique(name for name, _ in pairs), (value for _, value in pairs), strict=True))
