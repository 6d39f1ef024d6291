# SPDX-License-Identifier: BSD-3-Clause
"""Hosts as network namespaces, each with a Dask worker: one bridge to steer them by, and one for
the frames that are measured."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dask
import psutil

import labkit as lk
from tests.network import ip, namespace, unique_name
from tests.patience import wait_until

START_SECONDS = 120.0
STEERING = f"10.{198 + os.getpid() % 2}.{os.getpid() // 2 % 256}"


@dataclass
class Cluster:
    """Hosts "b", "c", … and their scheduler; `near` is this host's end of the wire.

    Attributes
    ----------
    spaces: network namespace of each host
    workers: process of each host's worker
    """

    folder: Path
    near: str
    bridge: str
    spaces: dict[str, str]
    environment: Mapping[str, str]
    outer: dict[str, str] = field(default_factory=dict)
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    scheduler_process: subprocess.Popen[bytes] | None = None

    @property
    def scheduler(self) -> str:
        return f"tls://{STEERING}.1:{8000 + os.getpid() % 10_000}"

    def connect(self, kind: str = "af_packet", *names: str) -> lk.Hosts:
        ports = dict.fromkeys(names or self.spaces, f"{kind}:wire")
        return lk.Hosts(self.scheduler, here=f"{kind}:{self.near}", ports=ports)

    def start_scheduler(self) -> None:
        port = self.scheduler.rpartition(":")[2]
        command = ["--host", self.scheduler.rpartition(":")[0], "--port", port, "--no-dashboard"]
        self.scheduler_process = self._start("scheduler", [], command)

    def start_worker(self, name: str) -> None:
        enter = ["ip", "netns", "exec", self.spaces[name]]
        options = ["--name", name, "--nthreads", "1", "--resources", "port=1", "--no-nanny"]
        options += ["--no-dashboard", "--local-directory", str(self.folder)]
        options += ["--death-timeout", str(START_SECONDS)]
        self.workers[name] = self._start("worker", enter, [self.scheduler, *options])

    def wait_for(self, *names: str) -> None:
        """Until these hosts are there."""

        def are_there() -> bool:
            with contextlib.suppress(lk.LabError), lk.Hosts(self.scheduler) as hosts:
                return set(names) <= set(hosts)
            return False

        wait_until(are_there, START_SECONDS)

    def pid_of(self, name: str) -> int:
        """The worker itself, behind `ip netns exec`, which becomes it."""
        return self.workers[name].pid

    def engines(self, name: str) -> list[psutil.Process]:
        """Of the host's worker."""
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.pid_of(name)).children(recursive=True)
            return [child for child in children if "labkit.engine" in " ".join(child.cmdline())]
        return []

    def kill_worker(self, name: str) -> None:
        self.workers[name].send_signal(signal.SIGKILL)
        self.workers[name].wait()

    def _start(self, what: str, enter: list[str], options: list[str]) -> "subprocess.Popen[bytes]":
        log = (self.folder / f"{what}-{len(self.workers)}.log").open("ab")
        command = [*enter, sys.executable, "-m", f"distributed.cli.dask_{what}", *options]
        with log:
            return subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, **self.environment}
            )


def _certificate(folder: Path) -> dict[str, str]:
    """A key and a certificate that signs itself, as Dask's configuration names them."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=labkit", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    files = {"ca-file": certificate}
    for who in ("client", "scheduler", "worker"):
        files |= {f"{who}.cert": certificate, f"{who}.key": key}
    return {name: str(file) for name, file in files.items()}


@contextmanager
def _bridge(address: str = "") -> Iterator[str]:
    name = unique_name("lkbr")
    ip("link", "add", name, "type", "bridge")
    try:
        Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
        if address:
            ip("addr", "add", address, "dev", name)
        ip("link", "set", name, "up")
        yield name
    finally:
        ip("link", "del", name)


@contextmanager
def _port_of(bridge: str, space: str | None, inner: str) -> Iterator[str]:
    """A veth pair from a bridge to a namespace, or to this one; gives the bridge's end."""
    outer = unique_name("lkvo")
    peer = ["peer", "name", inner, *(["netns", space] if space else [])]
    ip("link", "add", outer, "type", "veth", *peer)
    try:
        ip("link", "set", outer, "master", bridge)
        enter = ["ip", "netns", "exec", space] if space else []
        for name, prefix in ((outer, []), (inner, enter)):
            silent = f"echo 1 > /proc/sys/net/ipv6/conf/{name}/disable_ipv6"
            subprocess.run([*prefix, "sh", "-c", silent], check=True)
        ip("link", "set", outer, "up")
        ip(*(["-n", space] if space else []), "link", "set", inner, "up")
        yield outer
    finally:
        subprocess.run(["ip", "link", "del", outer], capture_output=True, check=False)


@contextmanager
def cluster_of(folder: Path, *names: str) -> Iterator[Cluster]:
    """Hosts with these names, connected and there; TLS between them."""
    tls = _certificate(folder)
    environment = {
        "DASK_DISTRIBUTED__COMM__TLS__" + name.upper().replace("-", "_").replace(".", "__"): file
        for name, file in tls.items()
    }
    config = {f"distributed.comm.tls.{name}": file for name, file in tls.items()}
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(config))
        steering = stack.enter_context(_bridge(f"{STEERING}.1/24"))
        wire, near = stack.enter_context(_bridge()), unique_name("lkvn")
        stack.enter_context(_port_of(wire, None, near))
        spaces = {name: stack.enter_context(namespace()) for name in names}
        made = Cluster(folder, near, wire, spaces, environment)
        for number, (name, space) in enumerate(spaces.items(), 2):
            stack.enter_context(_port_of(steering, space, "steering"))
            ip("-n", space, "addr", "add", f"{STEERING}.{number}/24", "dev", "steering")
            made.outer[name] = stack.enter_context(_port_of(wire, space, "wire"))
        try:
            made.start_scheduler()
            for name in names:
                made.start_worker(name)
            made.wait_for(*names)
            yield made
        finally:
            for process in (*made.workers.values(), made.scheduler_process):
                if process is not None:
                    process.kill()
                    process.wait()
