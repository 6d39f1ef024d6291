# SPDX-License-Identifier: BSD-3-Clause
"""The lab without root: the first example as another user, and what that user may not do."""

import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from importlib.util import find_spec
from pathlib import Path

NOBODY = 65534
ROOT = Path(__file__).parents[2]


def package(folder: Path) -> Path:
    """A labkit that every user can read. The editable install would want to write to its build."""
    shutil.copytree(ROOT / "labkit", folder / "labkit")
    for name in ("labkit._codec", "labkit._dataplane"):
        spec = find_spec(name)
        assert spec is not None
        shutil.copy(str(spec.origin), folder / "labkit")
    return folder


def as_nobody(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs code as a user without privileges.

    As uid 65534 where that user can read the interpreter and the packages, otherwise as that uid of
    a new user namespace, which has no capabilities in this one either.
    """
    runtime = folder / "runtime"
    runtime.mkdir()
    for path in (folder, runtime):
        path.chmod(0o755)
    os.chown(runtime, NOBODY, NOBODY)
    packages = sysconfig.get_path("purelib")
    command = [sys._base_executable, "-c", textwrap.dedent(code)]
    change: dict[str, object] = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    reachable = [sys._base_executable, f"{packages}/numpy", folder]
    tests = [["test", "-r", str(path)] for path in reachable]
    if any(subprocess.run(test, **change).returncode for test in tests):  # type: ignore[call-overload]
        os.chown(runtime, 0, 0)
        command, change = ["unshare", "--user", f"--map-user={NOBODY}", *command], {}
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": f"{package(folder)}:{packages}",
        "XDG_RUNTIME_DIR": str(runtime),
        "HOME": str(runtime),
    }
    ran: subprocess.CompletedProcess[str] = subprocess.run(  # type: ignore[call-overload]
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300, **change
    )
    left = [str(path) for path in (runtime / "dpdk").glob("*")]
    assert left == [], f"exit code {ran.returncode}\n{ran.stdout}{ran.stderr}"
    return ran


def test_first_example_works(open_folder: Path) -> None:
    ran = as_nobody(
        """
        import os
        import labkit as lk
        from scapy.all import Ether, IP, UDP, Raw

        assert os.geteuid() != 0
        with lk.Lab() as lab:
            client, server = lab.cable()
            lab.echo_server(server, addresses=["10.0.0.2/24", "fd00::2/64"], udp_port=9000)
            with client.socket() as s:
                answer = s.sr1(Ether(dst=server.mac) / IP(src="10.0.0.1", dst="10.0.0.2")
                               / UDP(sport=40000, dport=9000) / Raw(b"hello"), timeout=20)
            assert answer[Raw].load == b"hello"
            run = lk.echo(client, "10.0.0.2", udp_port=9000, payload_sizes=(18, 1400, 8000))
            assert run.ledger.is_balanced and run.ledger.received == 300
            run.plot().savefig("/dev/null", format="png")
            frames = [Ether(dst=server.mac) / IP(dst="10.0.0.2") / UDP(dport=9000)] * 10
            client.send(frames)
            assert len(client.receive(10, timeout=20)) == 10
            assert client.xstats()["rx_good_packets"] > 300
            assert "image/svg" in lab._repr_mimebundle_()["text/html"]
            runtime = os.environ["XDG_RUNTIME_DIR"] + "/dpdk"
            (engine,) = os.listdir(runtime)
            assert "dpdk_telemetry.v2" in os.listdir(f"{runtime}/{engine}")
        print("all of it worked")
        """,
        open_folder,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "all of it worked" in ran.stdout


def test_what_needs_root_says_so(open_folder: Path) -> None:
    ran = as_nobody(
        """
        import labkit as lk
        with lk.Lab() as lab:
            for device in ("tap:lknobody", "af_packet:lo", "af_xdp:lo"):
                try:
                    lab.port(device)
                except lk.PortError as error:
                    print(error)
            print(lab.port("null").mtu, lk.doctor().ok)
        """,
        open_folder,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    *refusals, last = ran.stdout.strip().splitlines()
    assert len(refusals) == 3
    for refusal in refusals:
        assert "need root" in refusal
        assert "lab.cable() gives two ring ports" in refusal
    assert last == "1500 True"
