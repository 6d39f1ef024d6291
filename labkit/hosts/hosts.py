# SPDX-License-Identifier: BSD-3-Clause
"""The hosts of a lab that spans several: workers of one Dask cluster."""

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.arguments.checked import checked
from labkit.arguments.hints import Seconds
from labkit.arguments.names import Named
from labkit.errors import LabError
from labkit.hosts import facts
from labkit.hosts.cluster import CONNECT_SECONDS, RESOURCE, client_of, has_port, workers
from labkit.hosts.far_lab import SCHEDULER_SECONDS, FarLab
from labkit.hosts.far_port import FarPort
from labkit.hosts.wire import pci_of
from labkit.machine import description

if TYPE_CHECKING:
    import pandas as pd
    from distributed import Client

    from labkit.lab.lab import Lab

FACT_SECONDS = 20.0
LOOK_SECONDS = 0.1
WHO_OPENED = 4  # whose line a warning names: behind a context manager and what looks at arguments


@dataclass(frozen=True)
class Host:
    """A host: its name, the address of its Dask worker, and its port on the wire, where known."""

    name: str
    worker: str
    port: str | None

    def __repr__(self) -> str:
        port = f", port {self.port}" if self.port else ""
        return f"<Host {self.name}: {self.worker}{port}>"


@checked()
class Hosts:
    """Hosts that one notebook steers, each with an engine of its own. A context manager.

        hosts = lk.Hosts("tls://10.0.0.1:8786", here="af_packet:eth1", ports={"b": "af_xdp:eth1"})
        lk.sweep([lk.dut.LabkitEcho(), lk.dut.Remote(lk.dut.LabkitEcho(), host="b")])

    A host is a Dask worker that was started with a name and one resource `port`:
    dask worker ADDRESS --name b --nthreads 1 --resources 'port=1'. Who starts one lets the
    scheduler's clients run code there; over networks that others use give Dask certificates (tls://).

    scheduler: address of the Dask scheduler
    here: this host's port on the wire to the others, as lab.port() takes it
    ports: those of the others, by the host's name. Of a memif, this host has the server's role.

    Attributes
    ----------
    scheduler, here, ports: as given; lk.dut.Remote takes what it is not told from those made last
    table: one row a host: address, port, labkit, python, system, cpu, cpus
    warnings: what differs between hosts and may change what is measured

    Raises LabError when no scheduler answers, or no worker has the resource.
    """

    _in_words = "hosts: lk.Hosts(...)"

    def __init__(
        self, scheduler: str, *, here: str | None = None, ports: Mapping[str, str] | None = None
    ) -> None:
        self.scheduler, self.here, self.ports = scheduler, here, dict(ports or {})
        self._client: Client = client_of(scheduler, CONNECT_SECONDS)
        self._told: dict[str, dict[str, Any]] = {}
        self.is_closed = False
        _open.append(self)
        try:
            names = self._by_name()
            for name in self.ports:
                if name not in names:
                    raise _unknown(name, names, scheduler)
        except BaseException:
            self.close()
            raise

    def __getitem__(self, name: str) -> Host:
        by_name = self._by_name()
        if name not in by_name:
            raise _unknown(name, by_name, self.scheduler)
        return by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name())

    def __len__(self) -> int:
        return len(self._by_name())

    @property
    def table(self) -> "pd.DataFrame":
        """One row a host that answers."""
        from labkit.tables.table import Table  # pandas is slow to load

        told = self._about_all()
        rows = [
            {
                "host": name,
                "worker": host.worker,
                "port": host.port,
                "labkit": told[name]["packages"]["labkit"],
                "python": told[name]["python"],
                "system": told[name]["system"],
                "cpu": told[name]["cpu"],
                "cpus": told[name]["usable_cpus"],
            }
            for name, host in self._by_name().items()
            if name in told
        ]
        return Table(rows)

    @property
    def warnings(self) -> list[str]:
        """Versions that differ from this host's."""
        here = description.describe()
        return [
            f"host {name}: {difference}"
            for name, told in self._about_all().items()
            for difference in description.differing(told, here)
        ]

    @contextmanager
    def lab(self, name: str, here: "Lab | None" = None, device: str = "") -> Iterator[FarLab]:
        """An engine on a host, as long as it is needed; warns of versions that differ.

        here: the lab that it measures with; device: the port that is to be opened there

        Raises LabError for a host that is not there or busy, HostLost for one that does not answer.
        """
        host = self[name]
        with FarLab(self._client, name, host.worker, self.scheduler, pci_of(device)) as far:
            far.description = far.call(facts.about_engine)
            if here is not None:
                ours = description.describe(here.dpdk_version)
                for difference in description.differing(far.description, ours):
                    warnings.warn(
                        f"host {name} has {difference}; install the same on both, or read the "
                        "results as those of two versions",
                        stacklevel=WHO_OPENED,
                    )
            yield far

    @checked()
    def wait(self, name: str, timeout: Seconds = 60.0) -> Host:
        """The host of this name as soon as its worker is there, such as one that starts anew.

        timeout: seconds to wait at most; then LabError
        """
        end = time.monotonic() + timeout
        while True:
            try:
                return self[name]
            except LabError:
                if time.monotonic() > end:
                    raise
            time.sleep(LOOK_SECONDS)

    @checked()
    def port(self, name: str, device: str | None = None, *, mtu: int = 1500) -> FarPort:
        """A port on a host, with an engine of its own, for receive_on= of lk.trial.

            with hosts.port("b") as far:
                lk.trial(near, lk.Stream(Ether(dst=far.mac) / ..., rate="10k"), duration=1,
                         receive_on=far, latency=True)

        device: as lab.port() takes it there; None: the host's of `ports`
        mtu: that it must take, in bytes

        Raises what lab() and opening a port raise.
        """
        wanted = device or self.ports.get(name)
        if wanted is None:
            raise LabError(
                f"device of host {name} is not named; give device=, or ports={{{name!r}: "
                '"af_packet:eth1"}} to lk.Hosts'
            )
        with ExitStack() as stack:
            far = stack.enter_context(self.lab(name, device=wanted))
            return FarPort(far, wanted, mtu, stack.pop_all())

    def close(self) -> None:
        """Leaves the cluster; sessions on its hosts end by themselves."""
        self.is_closed = True
        if self in _open:
            _open.remove(self)
        self._client.close()

    def __enter__(self) -> "Hosts":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self.is_closed:
            return f"<Hosts of {self.scheduler}: closed>"
        lines = [f"<Hosts of {self.scheduler}; here: port {self.here or 'not named'}>"]
        return "\n".join([*lines, *(f"  {host!r}" for host in self._by_name().values())])

    def _repr_html_(self) -> str:
        from html import escape

        if self.is_closed:
            return escape(repr(self))
        warned = "".join(f"<p>{escape(text)}</p>" for text in self.warnings)
        html: str = self.table._repr_html_()  # type: ignore[operator]
        return f"{html}{warned}"

    def _by_name(self) -> dict[str, Host]:
        if self.is_closed:
            raise LabError("these hosts were closed; connect again with lk.Hosts(...)")
        try:
            told = workers(self._client, SCHEDULER_SECONDS)
        except (OSError, TimeoutError, RuntimeError):
            raise LabError(
                f"the Dask scheduler at {self.scheduler} does not answer; start it again "
                "(dask scheduler), then its workers, and connect with lk.Hosts(...)"
            ) from None
        names = sorted((str(w["name"]), a) for a, w in told.items() if has_port(w))
        if not names:
            raise LabError(
                f"no worker of {self.scheduler} has the resource {RESOURCE}; start one on each "
                f"host: dask worker {self.scheduler} --name b --nthreads 1 --resources "
                f"'{RESOURCE}=1'"
            )
        found = {name: Host(name, worker, self.ports.get(name)) for name, worker in names}
        return Named("host", found)

    def _about_all(self) -> dict[str, dict[str, Any]]:
        """What each host tells of itself; of one that is busy with a task, when it is done."""
        for name, host in self._by_name().items():
            if name not in self._told:
                future = self._client.submit(facts.about, workers=[host.worker], pure=False)
                try:
                    self._told[name] = future.result(FACT_SECONDS)
                except (OSError, TimeoutError):
                    continue
        return self._told


_open: list[Hosts] = []  # the newest last


def current() -> Hosts | None:
    """Those made last that are open."""
    return _open[-1] if _open else None


@contextmanager
def hosts_at(scheduler: str) -> Iterator[Hosts]:
    """Those of this scheduler that are open here, or a connection for the time being."""
    for hosts in reversed(_open):
        if hosts.scheduler == scheduler:
            yield hosts
            return
    with Hosts(scheduler) as hosts:
        yield hosts


def _unknown(name: str, names: Mapping[str, Host], scheduler: str) -> LabError:
    return LabError(
        f"there is no host {name!r} at {scheduler}: its workers with the resource {RESOURCE} are "
        f"{', '.join(names)}; start one there: dask worker {scheduler} --name {name} --nthreads 1 "
        f"--resources '{RESOURCE}=1'"
    )
