# SPDX-License-Identifier: BSD-3-Clause
"""Any DPDK application as a source, through the telemetry socket that EAL opens by default.

https://doc.dpdk.org/guides/prog_guide/telemetry_lib.html: SOCK_SEQPACKET, JSON.
"""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labkit.sources import catalogue
from labkit.sources.base import Sample, Schema, Source, SourceError, readonly
from labkit.text import unique

SOCKET = "dpdk_telemetry.v2"
ANSWER_SECONDS = 2.0  # then an application whose statistics hang (ENA's admin queue) is gone


class Telemetry(Source):
    """The counters of a DPDK application: "/run/dpdk/rte", a file prefix ("rte") or the socket.

    Names: port/DEVICE/XSTAT, port/DEVICE/link_up. Gone when the application ends or does not answer
    within 2 s; live again when one with the same file prefix starts.

    Attributes
    ----------
    version, pid: of the application that answered last
    """

    def __init__(self, where: str | os.PathLike[str] = "rte") -> None:
        self.path = socket_path(where)
        super().__init__(f"telemetry of {self.path.parent.name}")
        self.version = ""
        self.pid = 0
        self._socket: socket.socket | None = None
        self._room = 0
        self._devices: dict[int, str] = {}

    def _connect(self) -> None:
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        channel.settimeout(ANSWER_SECONDS)
        try:
            channel.connect(str(self.path))
            greeting = json.loads(channel.recv(1 << 16))
            self.version, self.pid = greeting["version"], greeting["pid"]
            self._room = int(greeting["max_output_len"]) + 1
        except FileNotFoundError:
            channel.close()
            raise SourceError(f"there is no {self.path}; {_others(self.path)}") from None
        except (OSError, ValueError, KeyError) as error:
            channel.close()
            raise SourceError(f"{self.path} does not answer ({error})") from None
        self._socket = channel
        self._devices = {}

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _read(self) -> Sample | None:
        try:
            if self._socket is None:
                self._connect()
                self._schema = Schema(())  # its counters begin anew
                self._state = ("live", f"{self.version}, process {self.pid}")
            counters = dict(self._counters())
        except SourceError as error:
            self._lose(str(error))
            return None
        except (OSError, ValueError) as error:
            self._lose(f"process {self.pid} of {self.path.parent.name} went away ({error})")
            return None
        names = tuple(counters)
        if names != self._schema.names:
            self._schema = Schema.of(names, self._drivers())
        return self._sample(readonly(list(counters.values())))

    def _lose(self, why: str) -> None:
        self._disconnect()
        self._state = ("gone", why)

    def _counters(self) -> Iterator[tuple[str, int]]:
        ports = self._ask("/ethdev/list") or []
        self._devices = {port: self._devices.get(port) or self._device(port) for port in ports}
        for port, device in self._devices.items():
            for name, value in (self._ask(f"/ethdev/xstats,{port}") or {}).items():
                yield f"port/{device}/{name}", value
            link = self._ask(f"/ethdev/link_status,{port}") or {}
            yield f"port/{device}/link_up", int(link.get("status") == "UP")

    def _device(self, port: int) -> str:
        info = self._ask(f"/ethdev/info,{port}") or {}
        return str(info.get("name", port)).replace("/", "_")

    def _drivers(self) -> dict[str, str]:
        """Of virtual devices, whose names begin with their driver's."""
        known = {f"port/{name}": catalogue.driver_of(name) for name in self._devices.values()}
        return {prefix: driver for prefix, driver in known.items() if driver}

    def _ask(self, command: str) -> Any:
        assert self._socket is not None
        self._socket.send(command.encode())
        data = self._socket.recv(self._room)
        if not data:
            raise ConnectionResetError("the socket was closed")
        # Some drivers use one name twice (ENA: rx_q0_bytes), and so does the JSON.
        answer = json.loads(data, object_pairs_hook=_unique_pairs)
        return answer[command.split(",")[0]]


def socket_path(where: str | os.PathLike[str]) -> Path:
    """The socket of a directory, a file prefix, or the socket itself."""
    path = Path(where)
    if path.name == SOCKET:
        return path
    if "/" in str(where):
        return path / SOCKET
    found = [folder / path / SOCKET for folder in _runtime_folders()]
    return next((socket for socket in found if socket.exists()), found[0])


def _runtime_folders() -> list[Path]:
    """Where EAL makes its runtime directories: root's, then this user's."""
    user = os.environ.get("XDG_RUNTIME_DIR", "/tmp")
    return [Path("/run/dpdk"), Path(user, "dpdk")]


def _others(path: Path) -> str:
    there = sorted(str(found.parent) for f in _runtime_folders() for found in f.glob(f"*/{SOCKET}"))
    if there:
        return f"these applications have one: {', '.join(there)}"
    return (
        "no DPDK application runs here with telemetry; start one without --no-telemetry, and name "
        "its --file-prefix"
    )


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(zip(unique(name for name, _ in pairs), (value for _, value in pairs), strict=True))
