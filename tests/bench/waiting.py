# SPDX-License-Identifier: BSD-3-Clause
"""What a user waits for and pays for: import, first echo, an idle lab, frames in bulk."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from scapy.config import conf
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether

import labkit as lk
from tests.notebooks.making import notebook


def import_seconds() -> float:
    code = "import time; t = time.perf_counter(); import labkit; print(time.perf_counter() - t)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(ran.stdout)


def first_echo_seconds() -> float:
    """From lk.Lab() to the first answered datagram."""
    start = time.perf_counter()
    with lk.Lab() as lab:
        client, server = lab.cable()
        lab.echo_server(server, ["10.0.0.2"], udp_port=9000)
        question = (
            Ether(src=client.mac, dst=server.mac) / IP(dst="10.0.0.2") / UDP(sport=1, dport=9000)
        )
        with client.socket() as s:
            assert s.sr1(question, timeout=2, verbose=False) is not None
        return time.perf_counter() - start


def empty_notebook_seconds(*command: str) -> float:
    """An empty notebook, run by a command of this environment, with `{}` for its path."""
    with tempfile.TemporaryDirectory(prefix="labkit-bench-") as folder:
        empty = notebook(Path(folder) / "empty.ipynb", "pass")
        arguments = [argument.format(empty) for argument in command]
        program = str(Path(sys.executable).with_name(arguments[0]))
        start = time.perf_counter()
        subprocess.run([program, *arguments[1:]], cwd=folder, capture_output=True, check=True)
        return time.perf_counter() - start


def idle_cpu_percent(seconds: float = 5.0) -> float:
    """Of one CPU: an engine with a cable, an echo server and an open socket."""
    with lk.Lab() as lab:
        client, server = lab.cable()
        lab.echo_server(server, ["10.0.0.2"], udp_port=9000)
        with client.socket():
            time.sleep(0.5)
            process = psutil.Process(lab.pid)
            before = process.cpu_times()
            time.sleep(seconds)
            after = process.cpu_times()
    spent = after.user + after.system - before.user - before.system
    return 100 * spent / seconds


def bulk_send_kpps(count: int = 100_000) -> float:
    """Frames of bytes from Python into a port."""
    with lk.Lab() as lab:
        client, server = lab.cable()
        lab.run(lk.rx(server) >> lk.sink())
        frames = [bytes(64)] * count
        client.send(frames[:1000])
        start = time.perf_counter()
        client.send(frames)
        return count / (time.perf_counter() - start) / 1e3


def single_send_kpps(count: int = 100_000) -> float:
    """Frames of bytes from Python, one after the other."""
    frame = bytes(64)
    with lk.Lab() as lab:
        client, server = lab.cable()
        lab.run(lk.rx(server) >> lk.sink())
        with client.socket() as s:
            s.send(frame)
            start = time.perf_counter()
            for _ in range(count):
                s.send(frame)
            return count / (time.perf_counter() - start) / 1e3


def answer_us(rest: float = 0.0, count: int = 300) -> float:
    """From a frame of bytes to its answer over a cable, the median; `rest` seconds lie between two
    questions."""
    times = []
    with lk.Lab() as lab:
        client, server = lab.cable()
        lab.run(lk.rx(server) >> lk.reflect() >> lk.tx(server))
        with client.socket() as s:
            for _ in range(count):
                time.sleep(rest)
                start = time.perf_counter()
                s.send(bytes(64))
                s.recv_raw()
                times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def sr1_us(rest: float = 0.0, count: int = 300) -> float:
    """The same of sr1 with a packet: scapy builds the question and dissects the answer."""
    times = []
    with lk.Lab() as lab:
        client, server = lab.cable()
        lab.echo_server(server, ["10.0.0.2"])
        question = Ether(dst=server.mac) / IP(src="10.0.0.1", dst="10.0.0.2") / ICMP()
        with client.socket() as s:
            for _ in range(count):
                time.sleep(rest)
                start = time.perf_counter()
                assert s.sr1(question, timeout=2, verbose=False) is not None
                times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def single_scapy_send_kpps(interface: str, count: int = 20_000) -> float:
    """The same through the send() of scapy's own L2 socket."""
    frame = bytes(64)
    with conf.L2socket(iface=interface) as s:
        start = time.perf_counter()
        for _ in range(count):
            s.send(frame)
        return count / (time.perf_counter() - start) / 1e3


def scapy_send_kpps(interface: str, count: int = 20_000) -> float:
    """The same frames through the socket inside scapy's L2 socket."""
    frame = bytes(64)
    with conf.L2socket(iface=interface) as s:
        start = time.perf_counter()
        for _ in range(count):
            s.outs.send(frame)
        return count / (time.perf_counter() - start) / 1e3
