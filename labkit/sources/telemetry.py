# SPDX-License-Identifier: BSD-3-Clause
"""Any DPDK application as a source, through the telemetry socket that EAL opens by default."""

import os
from collections.abc import Iterator
from pathlib import Path

from labkit.arguments.checked import checked
from labkit.machine.telemetry import SOCKET, TelemetryClient
from labkit.sources import catalogue
from labkit.sources.base import Sample, Schema, Source, SourceError, readonly


@checked(SourceError)
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
        self._client: TelemetryClient | None = None
        self._devices: dict[int, str] = {}

    def _connect(self) -> None:
        try:
            self._client = TelemetryClient(self.path)
        except FileNotFoundError:
            raise SourceError(f"there is no {self.path}; {_others(self.path)}") from None
        except (OSError, ValueError) as error:
            raise SourceError(f"{self.path} does not answer ({error})") from None
        self.version, self.pid = self._client.version, self._client.pid
        self._devices = {}

    def _disconnect(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _read(self) -> Sample | None:
        try:
            if self._client is None:
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
        client = self._client
        assert client is not None
        ports = client.ask("/ethdev/list") or []
        self._devices = {
            port: self._devices.get(port) or self._device(client, port) for port in ports
        }
        for port, device in self._devices.items():
            for name, value in (client.ask(f"/ethdev/xstats,{port}") or {}).items():
                yield f"port/{device}/{name}", value
            link = client.ask(f"/ethdev/link_status,{port}") or {}
            yield f"port/{device}/link_up", int(link.get("status") == "UP")

    def _device(self, client: TelemetryClient, port: int) -> str:
        info = client.ask(f"/ethdev/info,{port}") or {}
        return str(info.get("name", port)).replace("/", "_")

    def _drivers(self) -> dict[str, str]:
        """Of virtual devices, whose names begin with their driver's."""
        known = {f"port/{name}": catalogue.driver_of(name) for name in self._devices.values()}
        return {prefix: driver for prefix, driver in known.items() if driver}


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
