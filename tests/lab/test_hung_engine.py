# SPDX-License-Identifier: BSD-3-Clause
"""A driver that hangs: told with the call at work, left by Ctrl-C, ended by restart and close."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import labkit as lk
from labkit.engine import client, exchanges
from labkit.sources import Engine
from tests import leftovers as left
from tests.hanging import (
    Drivers,
    build,
    ctrl_c_while_it_waits,
    deadline_passes_in,
    stop,
    stopped,
)
from tests.interrupts import interrupts
from tests.patience import wait_until

PROBE = "rte_eal_hotplug_add"
FRAME = bytes(60)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less of it than users have."""
    monkeypatch.setattr(client, "STANDSTILL_SECONDS", 2.0)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("hanging"))


@pytest.fixture
def drivers(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drivers:
    return Drivers(library, tmp_path, monkeypatch)


@contextmanager
def hanging_lab(**deadlines: float) -> Iterator[lk.Lab]:
    """One that leaves nothing behind, whatever hangs in it."""
    before = left.snapshot()
    with lk.Lab(lk.EalConfig(deadlines=deadlines)) as lab:
        yield lab
    left.wait_for_none(before)


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """A file that net_pcap waits to open, until somebody reads from it."""
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


@pytest.fixture
def capture(tmp_path: Path) -> str:
    file = tmp_path / "one.pcap"
    file.write_bytes(bytes.fromhex("d4c3b2a1 0200 0400 00000000 00000000 ffff0000 01000000"))
    return f"pcap:{file}"


def test_a_probe_that_hangs_is_told_and_undone(capture: str, fifo: Path) -> None:
    """net_pcap waits in open(2) for a reader of the file that it is to write."""
    with hanging_lab() as lab:
        near, _ = lab.cable()
        with deadline_passes_in(lab, PROBE), pytest.raises(lk.EngineHung) as told:
            lab.port(capture, "file", tx=fifo)
        error = told.value
        assert (error.call, error.driver, error.port) == ("rte_eal_hotplug_add", "net_pcap", "file")
        assert (error.command, error.pid) == ("attach device", lab.pid)
        assert error.seconds > 0.9
        assert "port file: rte_eal_hotplug_add of net_pcap1 has not returned for" in error.reason
        assert "lab.restart() kills the engine" in str(error)
        assert error.log
        with pytest.raises(lk.EngineHung, match=r"^xstats: the engine is still at work on attach"):
            near.xstats()
        assert "hangs: attach device: port file" in repr(lab)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        wait_until(lambda: lab.engine.hung is None)
        assert near.xstats()["rx_good_packets"] == 0, "it goes on where it was"
        os.close(reader)
        assert list(lab.ports) == ["client", "server"]
        with pytest.raises(lk.EngineError):  # the late port was taken back
            lab.engine.commands.port_info("file")


def test_the_first_interrupt_ends_the_wait(
    capture: str, fifo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hanging_lab(attach_device=600.0) as lab:
        near, _ = lab.cable()
        monkeypatch.setattr(exchanges, "PATIENCE_SECONDS", 1.0)
        with pytest.raises(KeyboardInterrupt), ctrl_c_while_it_waits(lab):
            lab.port(capture, "file", tx=fifo)
        with pytest.raises(lk.EngineHung, match="for which nobody waits any more: port file"):
            near.xstats()
        monkeypatch.setattr(exchanges, "PATIENCE_SECONDS", 600.0)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        assert near.xstats()["rx_good_packets"] == 0
        os.close(reader)
        with pytest.raises(KeyboardInterrupt), ctrl_c_while_it_waits(lab):
            lab.port(capture, "file", tx=fifo)
        with pytest.raises(KeyboardInterrupt), interrupts(0.1):
            lab.close()
        assert not lab.is_alive
        with pytest.raises(lk.LabClosed):
            lab.counters()


@pytest.mark.parametrize(
    ("function", "use"),
    [
        ("rte_eth_dev_start", lambda lab: lab.port("null", "other")),
        ("rte_eth_dev_close", lambda lab: lab.ports["null"].close()),
        ("rte_eth_xstats_get_by_id", lambda lab: lab.ports["null"].xstats()),
    ],
)
def test_what_hangs_is_killed_by_restart(drivers: Drivers, function: str, use: object) -> None:
    assert callable(use)
    with hanging_lab() as lab:
        near, far = lab.cable()
        lab.port("null")
        lab.run(lk.rx(far) >> lk.reflect() >> lk.tx(far))
        with (
            drivers.hang_in(function),
            deadline_passes_in(lab, function),
            pytest.raises(lk.EngineHung) as told,
        ):
            use(lab)
        assert told.value.call == function
        assert told.value.driver == "net_null"
        before = lab.pid
        lab.restart()
        assert lab.pid != before
        near.send(FRAME)
        assert near.receive(1, timeout=60, raw=True) == [FRAME]


def test_a_port_that_hangs_again_is_left_out(drivers: Drivers) -> None:
    with hanging_lab() as lab:
        near, far = lab.cable()
        other = lab.port("null", "other")
        lab.run(lk.rx(far) >> lk.reflect() >> lk.tx(far), name="mirror")
        lab.run(lk.rx(other) >> lk.sink(), name="others")
        with drivers.hang_in("rte_eth_dev_start"):
            told = "port client: rte_eth_dev_start of net_ring"
            with (
                deadline_passes_in(lab, "rte_eth_dev_start"),
                pytest.raises(lk.EngineHung, match=told),
            ):
                lab.restart()
            with pytest.raises(lk.LabClosed):
                lab.counters()
        with pytest.raises(lk.LabError, match="did you mean 'other'"):
            lab.restart(without=["othr"])
        with pytest.warns(UserWarning, match="without port other there is no path others"):
            lab.restart(without=["other"])
        assert list(lab.ports) == ["client", "server"]
        assert other.is_closed
        near.send(FRAME)
        assert near.receive(1, timeout=60, raw=True) == [FRAME]


def test_an_engine_whose_start_hangs_is_killed(drivers: Drivers) -> None:
    before = left.snapshot()
    eal = lk.EalConfig(deadlines={"start": 1.0})
    with (
        drivers.hang_in("rte_eal_init"),
        pytest.raises(lk.EngineError, match="the engine did not start, and was killed: start: "),
    ):
        lk.Lab(eal)
    left.wait_for_none(before)


def test_a_worker_that_does_not_come_back_is_told(capture: str, fifo: Path) -> None:
    """net_pcap writes into a pipe that nobody empties; the rest of the engine goes on."""
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with hanging_lab() as lab:
        near, far = lab.cable()
        port = lab.port(capture, "file", tx=fifo)
        lab.run(lk.rx(far) >> lk.tx(port), name="out")
        with Engine(lab) as source:
            with near.socket() as s:
                for _ in range(60):
                    s.send(bytes(1500))
            wait_until(lambda: any(w.since_ns for w in lab.engine.status.workers))
            assert "tx_good_packets" in near.xstats(), "it answers"
            sample = source.sample()
            assert sample is not None
            assert sample["path/out/rx:server/objects"] > 0, "and is recorded"
            wait_until(lambda: _walks_not(lab))
            told_of = r"worker \d has not come back from node out/tx:file for"
            with pytest.raises(lk.EngineHung, match=told_of):
                near.receive(1, timeout=0.01)
            with pytest.raises(lk.EngineHung, match=told_of):
                near.send([bytes(9000)] * 1000)  # more than the queue takes
            with pytest.raises(lk.EngineHung) as told:
                lab.paths["out"].stop()
            assert told.value.node == "out/tx:file"
            assert told.value.command == "stop path"
        lab.restart(without=["file"])
    os.close(reader)


def _walks_not(lab: lk.Lab) -> bool:
    try:
        lab.engine.check_answers()
    except lk.EngineHung:
        return True
    return False


def test_a_stopped_engine_is_told_and_ended(leftovers: None) -> None:
    with lk.Lab() as lab:
        near, _ = lab.cable()
        with stopped(lab), pytest.raises(lk.EngineHung, match=rf"kill -CONT {lab.pid}") as told:
            near.xstats()
        assert told.value.call is None
        wait_until(lambda: lab.engine.hung is None)
        assert near.xstats()["rx_good_packets"] == 0
        stop(lab)
        lab.restart()
        near.send(FRAME)
        stop(lab)


def test_who_waits_for_a_stopped_engine_is_told(leftovers: None) -> None:
    """Without a deadline of its own: one that stands still is told after some seconds."""
    with lk.Lab() as lab:
        near, far = lab.cable()
        with far.socket() as s:
            near.send(FRAME)
            assert s.recv_raw()[1] == FRAME
            with stopped(lab):
                with pytest.raises(lk.EngineHung, match="is stopped"):
                    s.recv_raw()
                with pytest.raises(lk.EngineHung) as told:
                    near.set_link(False)
                assert told.value.seconds >= 2.0
            wait_until(lambda: lab.engine.hung is None)
            near.set_link(True)


def test_who_was_interrupted_leaves_nothing_behind(leftovers: None) -> None:
    """What an answer gives that nobody has any more is taken back."""
    with lk.Lab() as lab:
        near, _ = lab.cable()
        with stopped(lab), pytest.raises(KeyboardInterrupt), ctrl_c_while_it_waits(lab):
            Engine(lab).open()
        wait_until(lambda: lab.engine.busy_seconds == 0)
        with stopped(lab), pytest.raises(KeyboardInterrupt), ctrl_c_while_it_waits(lab):
            lab.run(lk.rx(near) >> lk.sink(), name="sink")
        wait_until(lambda: lab.engine.hung is None)
        lab.counters()
        wait_until(lambda: "lk-recorder" not in _threads(lab.pid))
        assert not lab.paths
        lab.run(lk.rx(near) >> lk.sink(), name="sink")


def _threads(pid: int) -> list[str]:
    return [(task / "comm").read_text().strip() for task in Path(f"/proc/{pid}/task").iterdir()]


def test_a_measurement_in_an_engine_that_hangs_ends(leftovers: None) -> None:
    with lk.Lab() as lab:
        near, far = lab.cable()
        lab.echo_server(far, ["10.0.0.2"], udp_port=9000)
        threading.Timer(0.5, os.kill, (lab.pid, signal.SIGSTOP)).start()
        with pytest.raises(lk.EngineHung, match="is stopped"):
            lk.echo(near, "10.0.0.2", udp_port=9000, count=10**7, progress=False)
        lab.restart()
        run = lk.echo(near, "10.0.0.2", udp_port=9000, count=10, progress=False)
        assert run.ledger.is_balanced


def test_deadlines_are_checked() -> None:
    with pytest.raises(lk.LabError, match=r"no command 'start_prt' .*did you mean 'start_port'"):
        lk.EalConfig(deadlines={"start_prt": 3})
    with pytest.raises(lk.LabError, match=r"deadlines\['xstats'\] is -1"):
        lk.EalConfig(deadlines={"xstats": -1})


def test_a_recorder_that_hangs_is_told(drivers: Drivers) -> None:
    """Commands that take something away wait for the driver that a recorder asks."""
    with hanging_lab() as lab:
        lab.cable()
        port = lab.port("null", "other")
        lab.run(lk.rx(port) >> lk.sink(), name="sink")
        with Engine(lab, 100) as source, drivers.hang_in("rte_eth_xstats_get_by_id"):
            wait_until(lambda: source.sample() is None)
            assert source.state == "gone"
            assert "has not returned for" in source.reason
            assert "rte_eth_xstats_get_by_id of net_" in source.reason
            assert "hangs: port" in repr(lab)
            told = r"stop path: port .*: rte_eth_xstats_get_by_id"
            with (
                deadline_passes_in(lab, "rte_eth_xstats_get_by_id"),
                pytest.raises(lk.EngineHung, match=told),
            ):
                lab.paths["sink"].stop()
        lab.restart()


def test_a_view_of_an_engine_that_stands_still_says_so(leftovers: None) -> None:
    with lk.Lab() as lab, Engine(lab) as source:
        assert source.sample() is not None
        with stopped(lab):
            wait_until(lambda: source.sample() is None)
            assert f"kill -CONT {lab.pid}" in source.reason
        wait_until(lambda: source.sample() is not None)
        assert source.state == "live"


IN_A_PROCESS = """
import os, signal, sys
import labkit as lk
lab = lk.Lab()
print(lab.pid, flush=True)
if sys.argv[1] == "stopped":
    os.kill(lab.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, lab.pid, os.WSTOPPED | os.WNOWAIT)
else:
    os.mkfifo(sys.argv[2] + "/fifo")
    file = sys.argv[2] + "/one.pcap"
    open(file, "wb").write(bytes.fromhex("d4c3b2a10200040000000000""00000000ffff000001000000"))
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        lab.port("pcap:" + file, "file", tx=sys.argv[2] + "/fifo")
    except KeyboardInterrupt:
        pass
if sys.argv[3] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("engine", ["stopped", "hung"])
@pytest.mark.parametrize("end", ["in order", "killed"])
def test_an_engine_that_hangs_ends_with_its_notebook(
    engine: str, end: str, tmp_path: Path, leftovers: None
) -> None:
    arguments = [sys.executable, "-c", IN_A_PROCESS, engine, str(tmp_path), end]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert parent.wait(120) == (0 if end == "in order" else -signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{pid}").exists())


def test_an_interrupt_leaves_a_measurement_that_hangs(drivers: Drivers) -> None:
    with hanging_lab(close_port=600.0) as lab:
        port = lab.port("null")
        with drivers.hang_in("rte_eth_dev_close"):
            with pytest.raises(KeyboardInterrupt) as told, ctrl_c_while_it_waits(lab):
                port.close()
            assert "lab.restart() ends an engine that is stuck" in told.value.__notes__[0]
            lab.restart(without=["null"])
        assert not lab.ports


def test_a_port_is_left_out_with_its_tunnels(leftovers: None) -> None:
    with lk.Lab() as lab:
        near, far = lab.cable()
        tunnel = lk.Vxlan(
            local="192.0.2.1", remote="192.0.2.2", vni=7, remote_mac="02:00:00:00:00:02"
        )
        inner = lab.tunnel(near, tunnel)
        with pytest.raises(lk.PortError, match="leave out the port outside of it"):
            lab.restart(without=["inner"])
        with pytest.warns(UserWarning, match="there is no path tunnels:client"):
            lab.restart(without=["client"])
        assert list(lab.ports) == ["server"]
        assert inner.is_closed
        assert not lab.paths
        far.send(FRAME)
        lab.restart()
        assert list(lab.ports) == ["server"]


def test_a_restart_that_hangs_is_interrupted(drivers: Drivers) -> None:
    with hanging_lab(start_port=600.0) as lab:
        port = lab.port("null")
        with drivers.hang_in("rte_eth_dev_start"):
            with pytest.raises(KeyboardInterrupt), ctrl_c_while_it_waits(lab):
                lab.restart()
            with pytest.raises(lk.LabClosed):
                port.xstats()
        lab.restart()
        assert port.info.driver == "net_null"
