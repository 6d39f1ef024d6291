# SPDX-License-Identifier: BSD-3-Clause
"""Any DPDK application as a source, through the telemetry socket that EAL opens by default."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from labkit.arguments.checked import checked
from labkit.machine.telemetry import TelemetryClient
from labkit.machine.telemetry_sockets import named, owner, socket_path, sockets
from labkit.sources import catalogue
from labkit.sources.base import MISSING, Sample, Schema, Source, SourceError, readonly
from labkit.text import reason, unique

HOW_TO_NAME = (
    'name the application by its file prefix ("rte"), its runtime directory ("/run/dpdk/rte") or '
    "its socket"
)
UNREAD = (
    "the driver of {} gives no statistics: the application's log says why (labkit trouble look)"
)


@checked(SourceError)
class Telemetry(Source):
    """The counters of a DPDK application: "/run/dpdk/rte", a file prefix ("rte") or the socket.

    A file prefix is looked for in the runtime directories of this user, of root and of others. Of
    applications that share one with --in-memory, "rte:1" is the second.

    Names: port/DEVICE/XSTAT, port/DEVICE/link_up. A value that is no count, such as null or -1, is
    missing. Gone when the application ends or does not answer
    within 2 s; live again when one with the same file prefix starts.

    Attributes
    ----------
    version, pid: of the application that answered last
    """

    def __init__(self, where: str | os.PathLike[str] = "rte") -> None:
        self.path = socket_path(where)
        self._name = f"{self.path.parent.name}{self.path.suffix.removeprefix('.v2')}"
        super().__init__(f"telemetry of {self._name}")
        self.version = ""
        self.pid = 0
        self._client: TelemetryClient | None = None
        self._unread: frozenset[str] = frozenset()  # devices that told no statistics
        self._devices: dict[int, str] = {}

    def _connect(self) -> None:
        try:
            self._client = TelemetryClient(self.path)
        except FileNotFoundError:
            raise SourceError(f"there is no {self.path}; {_others()}") from None
        except NotADirectoryError:
            raise SourceError(f"{self.path.parent} is no directory; {HOW_TO_NAME}") from None
        except PermissionError:
            who = owner(self.path)
            raise SourceError(
                f"{self.path} belongs to {who}, and this user may not talk to it; run labkit as "
                f"{who} or as root"
            ) from None
        except (OSError, ValueError) as error:
            raise SourceError(f"{self.path} does not answer ({reason(error)})") from None
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
            counters = list(self._counters())
            unread = "; ".join(map(UNREAD.format, sorted(self._unread)))
            told = f"{self.version}, process {self.pid}"
            self._state = ("live", f"{told}; {unread}" if unread else told)
        except SourceError as error:
            self._lose(str(error))
            return None
        except (OSError, ValueError) as error:
            self._lose(f"process {self.pid} of {self._name} went away ({reason(error)})")
            return None
        names = tuple(unique(name for name, _ in counters))
        if names != self._schema.names:
            self._schema = Schema.of(names, self._drivers())
        return self._sample(readonly([value for _, value in counters]))

    def _lose(self, why: str) -> None:
        self._disconnect()
        self._state = ("gone", why)

    def _counters(self) -> Iterator[tuple[str, int]]:
        client = self._client
        assert client is not None
        self._devices = {
            port: self._devices.get(port) or self._device(client, port) for port in _ports(client)
        }
        for port, device in self._devices.items():
            xstats = _pairs(client, f"/ethdev/xstats,{port}")
            self._unread = self._unread - {device} if xstats else self._unread | {device}
            for name, value in xstats.items():
                yield f"port/{device}/{name}", count(value)
            status = _pairs(client, f"/ethdev/link_status,{port}").get("status")
            link = {"UP": 1, "DOWN": 0}.get(status, MISSING) if isinstance(status, str) else MISSING
            yield f"port/{device}/link_up", link

    def _device(self, client: TelemetryClient, port: int) -> str:
        name = _pairs(client, f"/ethdev/info,{port}").get("name")
        return str(port) if name is None else str(name).replace("/", "_")

    def _drivers(self) -> dict[str, str]:
        """Of virtual devices, whose names begin with their driver's."""
        known = {f"port/{name}": catalogue.driver_of(name) for name in self._devices.values()}
        return {prefix: driver for prefix, driver in known.items() if driver}


def count(value: Any) -> int:
    """A JSON value as a counter has it: a number of 64 bits, or one in a text ("12", "0x1f");
    MISSING for anything else."""
    if isinstance(value, str):
        try:
            value = int(value, 16 if value.strip().lower().startswith("0x") else 10)
        except ValueError:
            return MISSING
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MISSING
    return value if is_count else MISSING


def _pairs(client: TelemetryClient, command: str) -> Mapping[str, Any]:
    """Names and values of an answer; none where the command failed."""
    answer = client.ask(command)
    if answer is None:
        return {}
    if not isinstance(answer, dict):
        raise ValueError(f"it answers {command} with {answer!r:.60}, which has no names")
    return answer


def _ports(client: TelemetryClient) -> list[int]:
    answer = client.ask("/ethdev/list")
    ports = [count(port) for port in answer or []] if isinstance(answer, list | None) else [MISSING]
    if MISSING in ports:
        raise ValueError(f"it answers /ethdev/list with {answer!r:.60}, which are no ports")
    return ports


def _others() -> str:
    there = sorted(map(named, sockets()))
    if there:
        return f"these applications have one: {', '.join(there)}"
    return (
        "no DPDK application runs here with telemetry; start one without --no-telemetry, and name "
        "its --file-prefix"
    )
