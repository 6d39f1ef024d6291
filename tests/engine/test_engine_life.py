# SPDX-License-Identifier: BSD-3-Clause
"""The engine process: how it starts, what it costs, and that it ends with its parent."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import labkit as lk
from tests import leftovers as left

ROOT = Path(__file__).parents[2]
NOBODY = 65534
HUGEPAGES = Path("/proc/sys/vm/nr_hugepages")

SNIPPET = """
import labkit as lk
from scapy.all import Ether, ARP, IP, IPv6, UDP, ICMP, Raw

with lk.Lab() as lab:
    client, server = lab.cable()
    lab.echo_server(server, addresses=["10.0.0.2/24", "fd00::2/64"], udp_port=9000)
    with client.socket() as s:
        question = Ether(dst=server.mac)/IP(src="10.0.0.1", dst="10.0.0.2")
        question /= UDP(sport=40000, dport=9000)
        answer = s.sr1(question/Raw(b"hello"), timeout=1)
        assert bytes(answer[Raw])[:5] == b"hello"
    run = lk.echo(client, "10.0.0.2", udp_port=9000, payload_sizes=(18, 1400, 8000), count=100)
    run.table; run.ledger; run.plot()
    assert run.ledger.is_balanced and run.ledger.received == 300
    client.send([bytes(question)])
    assert len(client.receive(1, timeout=1)) == 1
    assert client.xstats()["tx_good_packets"] > 300
    assert lab._repr_mimebundle_()["text/html"]
    try:
        lab.port("tap:lknever")
    except lk.PortError as error:
        print(error)
print("done")
"""


def python(code: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,  # type: ignore[call-overload]
    )


def test_start_and_stop(leftovers: None) -> None:
    with lk.Lab() as lab:
        assert lab.is_alive
        assert psutil.pid_exists(lab.pid)
        assert lab.dpdk_version.startswith("DPDK 2")
        assert "EAL" in lab.log
        pid = lab.pid
    assert not lab.is_alive
    assert not psutil.pid_exists(pid)
    lab.close()


def test_import_loads_neither_dpdk_nor_the_big_packages() -> None:
    done = python(
        "import sys, labkit\n"
        "big = {'scapy', 'pandas', 'numpy', 'matplotlib', 'labkit._dataplane'} & set(sys.modules)\n"
        "maps = open('/proc/self/maps').read()\n"
        "print(sorted(big), 'librte_' in maps, '_dataplane' in maps)"
    )
    assert done.stdout == "[] False False\n", done.stderr


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"memory_mb": 63}, "memory_mb is 63; the engine needs at least 64"),
        ({"max_workers": 0}, "max_workers is 0; the range is 1 to 63"),
        ({"max_workers": 64}, "max_workers is 64"),
        ({"cpus": ()}, "cpus is empty"),
        ({"cpus": (4096,)}, r"cpus names \[4096\]; this process may use"),
    ],
)
def test_wrong_eal_config(setting: dict[str, object], says: str) -> None:
    with pytest.raises(lk.LabError, match=says):
        lk.EalConfig(**setting)  # type: ignore[arg-type]


def test_eal_config_is_obeyed(leftovers: None) -> None:
    config = lk.EalConfig(
        memory_mb=128, max_workers=1, telemetry=False, log_levels=("lib.eal:debug",)
    )
    with lk.Lab(eal=config) as lab:
        command = psutil.Process(lab.pid).cmdline()
        assert "labkit.engine" in command
        assert "lib.eal" in lab.log or "EAL: Detected" in lab.log
        client, server = lab.cable()
        lab.echo_server(server, ["10.0.0.2"], 9000)
        assert lk.echo(client, "10.0.0.2", udp_port=9000, count=5).ledger.received == 10
        assert len(lab.workers) == 1


def test_bad_eal_argument_is_quoted_with_the_log(leftovers: None) -> None:
    with pytest.raises(lk.LabError) as caught:
        lk.Lab(eal=lk.EalConfig(extra=("--no-such-thing",)))
    assert "--no-such-thing" in str(caught.value)


def test_two_labs_at_once(leftovers: None) -> None:
    with lk.Lab() as one, lk.Lab() as other:
        runs = []
        for lab in (one, other):
            client, server = lab.cable()
            lab.echo_server(server, ["10.0.0.2"], 9000)
            runs.append((lab, client))
        for _, client in runs:
            assert lk.echo(client, "10.0.0.2", udp_port=9000, count=20).ledger.received == 40
        own = [list(lab.workers["cpu"].dropna()) for lab in (one, other)]
        assert not set(own[0]) & set(own[1])


def test_idle_lab_costs_under_5_percent_of_a_cpu(lab: lk.Lab) -> None:
    client, server = lab.cable()
    lab.echo_server(server, ["10.0.0.2"], 9000)
    with client.socket():
        time.sleep(0.5)
        engine = psutil.Process(lab.pid)
        engine.cpu_percent()
        time.sleep(3)
        assert engine.cpu_percent() < 5


def test_engine_ends_with_its_killed_parent() -> None:
    before = {name for name in left.snapshot() if not name.startswith("process")}
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import labkit as lk, time\n"
            "lab = lk.Lab(); a, b = lab.cable(); a.send(bytes(64)); print(lab.pid, flush=True)\n"
            "time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    engine = psutil.Process(int(parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    engine.wait(5)
    left.wait_for_none(before, parent.pid)


@pytest.fixture
def hugepages() -> Iterator[int]:
    """300 hugepages reserved, or as many as the machine has room for; as before afterwards."""
    before = HUGEPAGES.read_text()
    HUGEPAGES.write_text("300")
    yield int(HUGEPAGES.read_text())
    HUGEPAGES.write_text(before)


def memory_option(lab: lk.Lab) -> tuple[bool, bool]:
    """Whether the engine has mapped hugepages, and whether it is told to do without."""
    maps = Path(f"/proc/{lab.pid}/smaps").read_text().splitlines()
    flags = {flag for line in maps if line.startswith("VmFlags:") for flag in line.split()[1:]}
    return "ht" in flags, "--no-huge" in lab.eal.arguments("any")


def test_hugepages_are_used_when_there_are_enough(hugepages: int, leftovers: None) -> None:
    with lk.Lab(eal=lk.EalConfig(memory_mb=hugepages)) as lab:
        client, server = lab.cable()
        lab.echo_server(server, ["10.0.0.2"], 9000)
        assert lk.echo(client, "10.0.0.2", udp_port=9000, count=5).ledger.received == 10
        assert memory_option(lab) == (True, False)
    with lk.Lab(eal=lk.EalConfig(hugepages=False)) as lab:
        assert memory_option(lab) == (False, True)


def test_no_hugepages_are_needed(lab: lk.Lab) -> None:
    if HUGEPAGES.read_text().strip() == "0":
        assert memory_option(lab) == (False, True)
        with pytest.raises(lk.LabError, match=r"(?i)hugepage|memory"):
            lk.Lab(eal=lk.EalConfig(hugepages=True))


def test_unprivileged_user() -> None:
    """The issue's snippet as a user without any rights, with a copy of the package.

    The editable install would rebuild itself into a directory that is not this user's.
    """
    codec, dataplane = (
        max(ROOT.glob(f"build/cp*/{name}.*.so"), key=lambda file: file.stat().st_mtime)
        for name in ("_codec", "_dataplane")
    )
    builds = os.pathsep.join(str(path) for path in ROOT.glob("build/cp*"))
    home = Path("/tmp", f"labkit-nobody-{os.getpid()}")
    home.mkdir()
    package = home / "package" / "labkit"
    shutil.copytree(ROOT / "labkit", package)
    for module in (codec, dataplane):
        shutil.copy(module, package)
    for path in (home, *home.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    try:
        done = python(
            SNIPPET,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            cwd=home,
            env={
                "HOME": str(home),
                "XDG_RUNTIME_DIR": str(home),
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(package.parent),
                "SKBUILD_EDITABLE_SKIP": builds,
            },
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "tap ports need root (CAP_NET_ADMIN)" in done.stdout
        assert done.stdout.endswith("done\n")
        assert not list((home / "dpdk").glob("labkit-*"))
    finally:
        shutil.rmtree(home)
