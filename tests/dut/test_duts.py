# SPDX-License-Identifier: BSD-3-Clause
"""Every DUT answers, counts what it drops under a name, tells when it died and leaves nothing."""

import contextlib
import os
import pickle
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from pyroute2.ethtool.ioctl import IoctlEthtool
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.l2 import Ether

import labkit as lk
from labkit.dut import process
from labkit.dut.base import UDP_PORT, DutCounters, FarEnd
from labkit.packet import codec
from labkit.runs.dut_trial import dut_trial
from tests.interrupts import interrupts
from tests.patience import wait_until
from tests.tunnels import with_checksums

KINDS = [lk.dut.LabkitEcho, lk.dut.PythonEcho, lk.dut.Testpmd, lk.dut.KernelEcho]
DUTS = [kind() for kind in KINDS]
BAD_CHECKSUM = {
    "labkit-echo": "drop_udp_bad_checksum",
    "python-echo": "python_udp_bad_checksum",
    "kernel-echo": "UdpInCsumErrors",
    "kernel-echo 6": "Udp6InCsumErrors",
    "testpmd": None,
}

every_dut = pytest.mark.parametrize("dut", DUTS, ids=lambda dut: dut.name)
over_both = pytest.mark.parametrize(
    "dut",
    [kind(ip_version=version) for version in (4, 6) for kind in KINDS],
    ids=lambda dut: f"{dut.name}-ipv{dut.ip_version}",
)


def answers(far_end: FarEnd, frames: list[bytes], wanted: int | None = None) -> list[bytes]:
    """What comes back. wanted: how many are to be waited for; None: one for every frame.

    Frames that the DUT has dropped because the machine held it up are sent again."""
    port, expected = far_end.port, len(frames) if wanted is None else wanted
    port.receive(1, timeout=0.01, raw=True)
    late = too_slow(far_end)
    port.send(frames)
    received: list[bytes] = []

    def take(count: int, timeout: float) -> bool:
        """Whether any came; Linux reports a group (MLD), which is no answer."""
        came = port.receive(count, timeout=timeout, raw=True)
        received.extend(frame for frame in came if not frame[0] & 1)
        return bool(came)

    end = time.monotonic() + 60
    while (missing := expected - len(received)) and time.monotonic() < end:
        if not take(missing, 1) and (again := too_slow(far_end) - late):
            late += again
            port.send(frames[:again])
    while expected < len(frames):  # and none of the others
        take(len(frames), 1)
        if not (again := too_slow(far_end) - late):
            break
        late += again
        port.send(frames[:again])
    return received


def too_slow(far_end: FarEnd) -> int:
    return far_end.counters().app.get("python_too_slow", 0)


def refused(grown: DutCounters) -> dict[str, int]:
    """What an application has dropped, for a reason that lies in the frames."""
    return {name: n for name, n in grown.app.items() if n and name != "python_too_slow"}


@over_both
def test_every_frame_comes_back_turned_around(dut: lk.dut.Dut, lab: lk.Lab) -> None:
    with dut.open(lab) as far_end:
        before = far_end.counters()
        headers = len(far_end.frame)
        for size in (dut.min_size, 1400, dut.max_size):
            payload = bytes(number % 251 for number in range(size - 4 - headers))
            # A default socket buffer of the kernel holds two dozen of the longest frames.
            frames = [bytes(far_end.frame / payload)] * 10
            back = answers(far_end, frames)
            assert len(back) == 10, f"{dut.name}, {size} B: {far_end.counters()}"
            for frame in back:
                assert frame[:6] == bytes.fromhex(far_end.port.mac.replace(":", ""))
                assert frame[headers:] == payload
                assert with_checksums(frame) == frame
                answer = Ether(frame)
                assert (answer[1].src, answer[1].dst) == (
                    far_end.frame[1].dst,
                    far_end.frame[1].src,
                )
                assert (answer[UDP].sport, answer[UDP].dport) == (UDP_PORT, 1024)
        grown = far_end.counters().since(before)
        # Python may be held up; what it missed was counted and sent again.
        assert grown.outside == grown.app.get("python_too_slow", 0)
        assert not refused(grown)
        far_end.check()


@over_both
def test_wrong_checksum_is_dropped_by_whoever_looks_and_counted(
    dut: lk.dut.Dut, lab: lk.Lab
) -> None:
    reason = BAD_CHECKSUM.get(f"{dut.name} {dut.ip_version}", BAD_CHECKSUM[dut.name])
    wanted = 0 if reason else 3
    with dut.open(lab) as far_end:
        wrong = far_end.frame / bytes(18)
        wrong[UDP].chksum = 0x1234
        before = far_end.counters()
        back = answers(far_end, [bytes(wrong)] * 3, wanted)
        drops = far_end.counters().since(before)
    assert len(back) == wanted
    assert refused(drops) == ({reason: 3} if reason else {})
    assert not any((drops.nic_imissed, drops.nic_ierrors))
    late = drops.app.get("python_too_slow", 0)
    assert drops.columns["app_drops"] - late == (3 if reason else 0)


def test_kernel_echo_takes_the_largest_mtu_and_counts_what_is_longer(lab: lk.Lab) -> None:
    dut = lk.dut.KernelEcho(mtu=9600)
    with dut.open(lab) as far_end:
        longest = bytes(far_end.frame / bytes(dut.max_size - 4 - 42))
        longer = far_end.frame / bytes(12_000)
        del longer[IP].len, longer[UDP].len, longer[UDP].chksum
        before = far_end.counters()
        parts = [bytes(part) for part in fragment(longer, fragsize=6000)]
        assert [len(frame) for frame in answers(far_end, [*parts, longest], 1)] == [len(longest)]
        drops = far_end.counters().since(before)
    assert {name: n for name, n in drops.app.items() if n} == {"truncated": 1}


@pytest.mark.parametrize("dut", DUTS[2:], ids=lambda dut: dut.name)
def test_dut_that_dies_is_told_with_its_signal(dut: lk.dut.Dut, lab: lk.Lab) -> None:
    with dut.open(lab) as far_end:
        child = next(
            child
            for child in psutil.Process().children()
            if child.name() in ("dpdk-testpmd", "kernel_echo")
        )
        child.send_signal(signal.SIGKILL)

        def is_seen() -> bool:  # the last of its threads may take a while
            with contextlib.suppress(lk.DutDied):
                far_end.check()
                return False
            return True

        wait_until(is_seen)
        with pytest.raises(lk.DutDied, match=rf"the DUT {dut.name} died: .*signal 9"):
            far_end.check()
        with pytest.raises(lk.DutDied, match="signal 9"):
            far_end.counters()


def test_dut_that_hangs_is_told_from_one_that_ended(
    lab: lk.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "EXIT_SECONDS", 0.1)
    with lk.dut.Testpmd().open(lab) as far_end:
        (child,) = (c for c in psutil.Process().children() if c.name() == "dpdk-testpmd")
        child.suspend()
        wait_until(lambda: child.status() == psutil.STATUS_STOPPED)
        with pytest.raises(lk.DutDied, match="the DUT testpmd died: it does not answer"):
            far_end.counters()


def test_python_echo_fails_with_its_engine(lab: lk.Lab) -> None:
    with lk.dut.PythonEcho().open(lab) as far_end:
        os.kill(lab.pid, signal.SIGKILL)
        while psutil.pid_exists(lab.pid) and lab.is_alive:
            time.sleep(0.01)
        with pytest.raises(lk.EngineDied):
            far_end.check()


@every_dut
def test_no_process_is_left_behind(dut: lk.dut.Dut, leftovers: None) -> None:
    before = {child.pid for child in psutil.Process().children()}
    with lk.Lab() as lab, dut.open(lab):
        assert len(psutil.Process().children()) > len(before)
    assert {child.pid for child in psutil.Process().children()} <= before


@every_dut
def test_no_port_is_left_behind(dut: lk.dut.Dut, lab: lk.Lab) -> None:
    own = lab.cable("own", "other")
    left = lab.engine.commands.ports_left()
    for _ in range(2):
        with dut.open(lab) as far_end:
            lab.run(lk.rx(far_end.port) >> lk.sink())  # which nobody stops
        assert tuple(lab.ports.values()) == own
        assert lab.paths == {}
        assert lab.engine.commands.ports_left() == left
        lab.restart()
    with pytest.raises(lk.PortError, match="was closed"):
        far_end.port.send(bytes(60))


def test_forty_duts_one_after_the_other(lab: lk.Lab) -> None:
    """DPDK has room for 32 ports."""
    for number in range(40):
        with DUTS[number % len(DUTS)].open(lab) as far_end:
            assert len(answers(far_end, [bytes(far_end.frame / bytes(18))] * 5)) == 5
    assert lab.ports == {}


@every_dut
def test_dut_of_a_dead_engine_leaves_no_port(dut: lk.dut.Dut, lab: lk.Lab) -> None:
    with dut.open(lab):
        os.kill(lab.pid, signal.SIGKILL)
        wait_until(lambda: not lab.is_alive)
    assert (lab.ports, lab.paths) == ({}, {})
    lab.restart()
    with dut.open(lab) as far_end:
        assert len(answers(far_end, [bytes(far_end.frame / bytes(18))] * 5)) == 5


@every_dut
def test_dut_can_be_sent_to_another_process(dut: lk.dut.Dut) -> None:
    assert pickle.loads(pickle.dumps(dut)) == dut


def test_kernel_echo_without_root_says_what_to_do(
    lab: lk.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with (
        pytest.raises(lk.LabError, match=r"needs root .*run as root, or leave it out"),
        lk.dut.KernelEcho().open(lab),
    ):
        pass


def test_kernel_without_ipv6_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labkit.dut.kernel_echo.SNMP6", Path("/nowhere"))
    assert lk.dut.KernelEcho().missing is None
    missing = lk.dut.KernelEcho("mine", ip_version=6).missing or ""
    assert missing.startswith("the DUT mine needs IPv6, which this kernel has not")
    assert missing.endswith("use ip_version=4")


def test_missing_testpmd_says_what_to_install(lab: lk.Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with (
        pytest.raises(lk.LabError, match="install Debian's package dpdk"),
        lk.dut.Testpmd().open(lab),
    ):
        pass


def test_what_a_dut_lacks_is_what_a_sweep_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lk.dut.LabkitEcho().missing is None
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", "")
    for dut, message in (
        (lk.dut.KernelEcho(name="mine"), "the DUT mine needs root"),
        (lk.dut.Testpmd(name="mine"), "the DUT mine needs dpdk-testpmd"),
    ):
        assert (dut.missing or "").startswith(message)
        with pytest.raises(lk.LabError, match=message):
            lk.sweep([dut], sizes=(64,), rates=("1k",), progress=False)


@pytest.mark.parametrize("kind", [lk.dut.KernelEcho, lk.dut.Testpmd])
def test_cpu_that_is_not_there_is_named(kind: type[lk.dut.Dut], lab: lk.Lab) -> None:
    dut = kind(name="mine", cpu=9999)  # type: ignore[call-arg]
    usable = ", ".join(map(str, sorted(os.sched_getaffinity(0))))
    message = f"the DUT mine cannot run on cpu=9999; this process may use {usable}: give one"
    with pytest.raises(lk.LabError, match=message), dut.open(lab):
        pass


def test_errors_name_the_dut_as_it_is_called(lab: lk.Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise lk.LabError("out of ideas")

    with lk.dut.PythonEcho(name="mine").open(lab) as far_end:
        monkeypatch.setattr(codec, "handle", fails)
        far_end.port.send(far_end.frame / bytes(18))
        with pytest.raises(lk.DutDied, match="the DUT mine died: its thread ended: out of ideas"):
            wait_until(lambda: far_end.check() is not None)
    if shutil.which("dpdk-testpmd"):
        monkeypatch.setattr("labkit.dut.testpmd.READY_SECONDS", 0.0)
        with (
            pytest.raises(lk.DutDied, match="the DUT mine died: it did not forward within 0 s"),
            lk.dut.Testpmd(name="mine").open(lab),
        ):
            pass


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", [5, "6", None, True])
def test_wrong_ip_version_is_named(kind: Callable[..., lk.dut.Dut], version: object) -> None:
    with pytest.raises(lk.LabError, match=f"ip_version is {version!r}; it is 4 or 6"):
        kind(ip_version=version)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mtu", [67, 9601, "9000", None])
def test_wrong_mtu_is_named(kind: Callable[..., lk.dut.Dut], mtu: object) -> None:
    with pytest.raises(lk.LabError, match=f"mtu is {mtu!r}; the range is 68 to 9600 bytes"):
        kind(mtu=mtu)


def test_mode_that_testpmd_would_pass_over_is_named() -> None:
    """It says "Invalid 5swap packet forwarding mode" and forwards in another one."""
    with pytest.raises(lk.LabError, match="mode is '5swap'; it is '5tswap' or 'macswap'"):
        lk.dut.Testpmd(mode="5swap")


def test_kernel_echo_with_an_mtu_for_which_the_kernel_has_no_ipv6(lab: lk.Lab) -> None:
    with lk.dut.KernelEcho(mtu=1000).open(lab) as far_end:
        run = dut_trial(far_end, lk.Stream(far_end.frame, size=1018, rate="1k"), duration=0.1)
        assert run["received"] == run["sent"] > 0
        assert run["balanced"]
    with pytest.raises(lk.LabError, match="mtu is 1000; the kernel has IPv6 from 1280 bytes on"):
        lk.dut.KernelEcho(mtu=1000, ip_version=6)


def test_interrupt_while_a_veth_pair_ends_ends_the_wait_alone(
    lab: lk.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = IoctlEthtool.close
    running = lk.dut.KernelEcho().open(lab)
    far_end = running.__enter__()
    outside = Path("/sys/class/net", far_end.port.declaration.device.target)
    assert outside.exists()
    monkeypatch.setattr(IoctlEthtool, "close", lambda nic: (time.sleep(1), close(nic)))
    with interrupts(0.5), pytest.raises(KeyboardInterrupt) as interrupt:
        running.__exit__(None, None, None)
    wait_until(lambda: not outside.exists())
    assert interrupt.tb, "its frames, which keep the pair from the garbage collector"


def test_what_a_dut_does_not_count_stays_unknown() -> None:
    before, after = DutCounters(1, None, 3, {"a": 1}), DutCounters(4, 5, None, {"a": 3, "b": 2})
    assert after.since(before) == DutCounters(3, None, None, {"a": 2, "b": 2})
