# SPDX-License-Identifier: BSD-3-Clause
"""The engine process: how it starts, what it costs, how it ends."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import psutil
import pytest

import labkit as lk
from labkit.engine.commands import Descriptors
from labkit.engine.engine import Engine
from labkit.machine.hugepages import free_hugepage_mb
from labkit.machine.runtime import runtime_directory
from labkit.sources.recorder_memory import RecorderMemory
from tests import leftovers as left
from tests.interrupts import interrupts
from tests.network import unique_name
from tests.workers import rests

NR_HUGEPAGES = Path("/proc/sys/vm/nr_hugepages")


def echoes(lab: lk.Lab) -> bool:
    client, server = lab.cable()
    lab.echo_server(server, ["10.0.0.2"], udp_port=9000)
    run = lk.echo(client, "10.0.0.2", udp_port=9000, payload_sizes=[18], count=20)
    return run.ledger.received == 20


def test_import_loads_nothing_of_labkit() -> None:
    code = "import sys, labkit; print([name for name in sys.modules if name.startswith('labkit.')])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


FIRST_ECHO = """
import sys
import labkit as lk
with lk.Lab() as lab:
    client, server = lab.cable()
    lab.echo_server(server, ["10.0.0.2"])
    lk.echo(client, "10.0.0.2", count=1)
slow = {"pandas", "matplotlib", "scapy.layers.dns", "executing", "labkit.figure", "labkit.path.svg"}
few = {"labkit.lab.overview", "labkit.path.drawing", "labkit.packet.tunnels", "labkit.lab.trace"}
print(sorted((slow | few) & sys.modules.keys()))
"""


def test_first_echo_loads_nothing_that_draws_tells_or_tunnels(leftovers: None) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FIRST_ECHO], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[]\n"


A_NOTEBOOK = """
import labkit as lk
with lk.Lab() as lab:
    client, server = lab.cable()
    lab.echo_server(server, ["10.0.0.2"])
    assert lk.echo(client, "10.0.0.2", count=1, progress=False).ledger.is_balanced
    for process in ("self", lab.pid):
        print("librte_" in open(f"/proc/{process}/maps").read())
"""


def test_notebook_loads_no_dpdk(leftovers: None) -> None:
    """In a process of its own: other tests load the dataplane into this one."""
    command = [sys.executable, "-c", A_NOTEBOOK]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True"]


TWO_LABS = """
import labkit as lk
with lk.Lab() as one, lk.Lab() as two:
    for lab in (one, two):
        lab.run(lk.rx(lab.port("null")) >> lk.sink())
    print(one.pid, two.pid, *(lab.workers.cpu[0] for lab in (one, two)))
"""


def test_two_labs_at_once_do_not_share_a_cpu_while_there_are_two() -> None:
    """In a network namespace of their own, which is what abstract sockets and so the claims of CPUs
    belong to: other labs of this machine may have them all."""
    alone = ["unshare", "--net"]
    if os.geteuid() != 0:
        alone += ["--user", "--map-current-user"]
    command = [*alone, sys.executable, "-c", TWO_LABS]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    *pids, one, two = ran.stdout.split()
    assert len(set(pids)) == 2
    if len(os.sched_getaffinity(0)) > 1:
        assert one != two
        assert {one, two} <= {str(cpu) for cpu in os.sched_getaffinity(0)}


def test_two_labs_at_once_both_echo(leftovers: None) -> None:
    with lk.Lab() as one, lk.Lab() as two:
        assert echoes(one)
        assert echoes(two)


def test_workers_of_an_idle_lab_rest(lab: lk.Lab) -> None:
    """For a millisecond at a time once nothing has come for a while, which costs little; how much
    a machine's bench tells."""
    client, server = lab.cable()
    lab.echo_server(server, ["10.0.0.2"], udp_port=9000)
    with client.socket():
        time.sleep(0.2)
        counts = rests(lab.pid, seconds=2)
    assert counts  # of one worker where another lab has a CPU
    assert all(10 < count < 1100 for count in counts.values()), counts


def test_log_holds_what_dpdk_prints(lab: lk.Lab, capfd: pytest.CaptureFixture[str]) -> None:
    assert "EAL: Detected CPU lcores" in lab.log
    assert capfd.readouterr() == ("", "")


def test_bad_eal_argument_is_an_error_with_the_log() -> None:
    with pytest.raises(lk.EngineError, match="--nonsense"):
        lk.Lab(eal=lk.EalConfig(extra=("--nonsense",)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"memory_mb": 1}, "memory_mb is 1; the range is 64 to 1048576 MiB"),
        ({"max_workers": 0}, "max_workers is 0; the range is 1 to 63"),
        ({"cpus": (4095,)}, r"cpus names \[4095\]; this process may use"),
        ({"cpus": ()}, "cpus is empty"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(lk.LabError, match=message):
        lk.EalConfig(**settings)  # type: ignore[arg-type]


def test_settings_reach_eal(leftovers: None) -> None:
    prefix = unique_name("given")
    config = lk.EalConfig(file_prefix=prefix, log_levels=("lib.eal:debug",), max_workers=2)
    with lk.Lab(eal=config) as lab:
        assert (runtime_directory(prefix) / "dpdk_telemetry.v2").is_socket()
        assert re.search(r"lcore 2 ", lab.log)
        assert echoes(lab)
    assert not runtime_directory(prefix).exists()


def test_telemetry_can_be_off(leftovers: None) -> None:
    prefix = unique_name("dumb")
    with lk.Lab(eal=lk.EalConfig(telemetry=False, file_prefix=prefix)):
        assert runtime_directory(prefix).is_dir()
        assert not (runtime_directory(prefix) / "dpdk_telemetry.v2").exists()


@pytest.fixture
def hugepages() -> Iterator[None]:
    """512 MiB of 2-MiB pages more, for as long as the test takes. The machine has one number of
    them: another run of the tests waits until it is as it was."""
    with open(NR_HUGEPAGES, "r+") as number:
        fcntl.flock(number, fcntl.LOCK_EX)
        before = int(number.read())
        NR_HUGEPAGES.write_text(str(before + 256))
        try:
            assert int(NR_HUGEPAGES.read_text()) == before + 256, "no room for 256 hugepages"
            yield
        finally:
            NR_HUGEPAGES.write_text(str(before))


def page_kb(lab: lk.Lab) -> int:
    """The size of the pages that its packet buffers are in."""
    maps = Path(f"/proc/{lab.pid}/numa_maps").read_text()
    return max(map(int, re.findall(r"kernelpagesize_kB=(\d+)", maps)))


@pytest.mark.parametrize("wanted", [None, True])
def test_hugepages_that_somebody_else_took_meanwhile(
    wanted: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter([512])  # at the first look alone
    tried = []

    def start(eal: lk.EalConfig) -> SimpleNamespace:
        tried.append(eal.uses_hugepages())
        if tried[-1]:
            raise lk.EngineError("no free hugepages")
        return SimpleNamespace(close=lambda: None)

    monkeypatch.setattr("labkit.engine.config.free_hugepage_mb", lambda: next(free, 0))
    monkeypatch.setattr("labkit.engine.config.hugepages_can_be_mapped", lambda: True)
    monkeypatch.setattr("labkit.engine.engine.EngineClient", Mock(side_effect=start))
    if wanted:
        with pytest.raises(lk.EngineError, match="no free hugepages"):
            Engine(lk.EalConfig(hugepages=True))
        assert tried == [True]
    else:
        Engine(lk.EalConfig())
        assert tried == [True, False]


def test_hugepages_are_used_when_there_are_enough(hugepages: None, leftovers: None) -> None:
    end = time.monotonic() + 60
    while True:
        with lk.Lab() as lab:
            assert echoes(lab)
            if page_kb(lab) == 2048:
                break
        # Another lab of this machine may have had them.
        assert time.monotonic() < end, f"never, with {free_hugepage_mb()} MiB of them free now"
    with lk.Lab(eal=lk.EalConfig(memory_mb=free_hugepage_mb() + 100)) as lab:
        assert echoes(lab), "too few hugepages are as good as none"
        assert page_kb(lab) < 2048
    with lk.Lab(eal=lk.EalConfig(hugepages=False)) as lab:
        assert page_kb(lab) < 2048


def test_engine_ends_with_a_parent_that_is_killed() -> None:
    code = (
        "import labkit as lk, time\nlab = lk.Lab()\nclient, server = lab.cable()\n"
        f"lab.echo_server(server, ['10.0.0.2'])\nlab.port('tap:{unique_name('lkt')}')\n"
        "client.send(b'x' * 60)\n"
        "print(lab.pid, flush=True)\ntime.sleep(60)"
    )
    before = left.snapshot()
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        engine = psutil.Process(int(parent.stdout.readline()))
        assert left.runtime_directories(parent.pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    _, alive = psutil.wait_procs([engine], timeout=60)
    assert not alive
    assert not left.runtime_directories(parent.pid)
    left.wait_for_none(before)


def test_next_lab_clears_up_after_both_were_killed(leftovers: None) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    directory = runtime_directory(f"labkit-{dead.pid}-1")
    directory.mkdir(parents=True)
    with lk.Lab():
        assert not directory.exists()


def test_interrupted_command_does_no_harm(lab: lk.Lab) -> None:
    client, _ = lab.cable()

    def commands() -> None:
        while True:
            assert client.info.driver == "net_ring"
            assert "rx_good_packets" in client.xstats()

    for n in range(40):
        with pytest.raises(KeyboardInterrupt), interrupts(0.001 + n * 0.0003):
            commands()
    assert client.info.mtu == 9001


def test_what_nobody_waits_for_any_more_may_be_closed(lab: lk.Lab) -> None:
    """As when Ctrl-C ends the wait for a command that has not been sent yet."""
    memory = RecorderMemory(8, 64)
    told: list[int] = []

    def record() -> None:
        descriptors = Descriptors((memory.descriptor,))
        told.append(lab.engine.commands.start_recorder(8, 64, 10**8, descriptors))

    os.kill(lab.pid, signal.SIGSTOP)
    threads = [threading.Thread(target=lab.engine.commands.clock), threading.Thread(target=record)]
    for thread in threads:
        thread.start()
        time.sleep(0.1)  # the second waits behind the first
    kept, memory.descriptor = memory.descriptor, os.open("/dev/null", os.O_RDONLY)
    os.close(kept)
    os.kill(lab.pid, signal.SIGCONT)
    for thread in threads:
        thread.join()
    assert lab.is_alive
    lab.engine.commands.stop_recorder(told[0])


def test_a_value_that_no_message_has_is_an_error_of_that_call_alone(lab: lk.Lab) -> None:
    commands: Any = lab.engine.commands
    for strange in (object(), {1}, np.float32(1)):
        with pytest.raises(TypeError, match="not JSON serializable"):
            commands.set_link("client", strange)
    assert commands.clock()["tsc"] > 0


def test_closed_lab_says_so(leftovers: None) -> None:
    lab = lk.Lab()
    client, _ = lab.cable()
    lab.close()
    lab.close()
    assert "rx_good_packets" in client.xstats(), "as they were"
    with pytest.raises(lk.LabClosed, match="it was closed"):
        client.set_promiscuous(True)
    assert "ended" in repr(lab)


def test_dashboard_is_still_there_under_its_former_name(lab: lk.Lab) -> None:
    lab.cable()
    with pytest.warns(DeprecationWarning, match=r"lk\.dashboard\(lab\)"):
        view = lab.dashboard("ports")
    assert view.parts["shown"] == ["ports"]
