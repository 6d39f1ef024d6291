# SPDX-License-Identifier: BSD-3-Clause
"""The echo experiment: datagrams of several sizes to a UDP echo service, every byte checked."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from labkit.arguments.checked import checked
from labkit.arguments.hints import UdpPort
from labkit.errors import LabError
from labkit.lab.address_questions import check_source, parse_address
from labkit.lab.exclusive import Pause, measure
from labkit.lab.neighbours import resolve
from labkit.lab.port import Port
from labkit.packet.mac import HOW_TO_WRITE, is_mac
from labkit.progress import progress_bar
from labkit.runs.echo_probes import run_size
from labkit.runs.echo_run import EchoRun, EchoSize
from labkit.runs.echo_settings import EchoSettings, Probes, Window, check_sizes


@checked()
def echo(
    port: Port,
    target: str,
    *,
    udp_port: UdpPort = 7,
    payload_sizes: Sequence[int] = (18, 1400),
    count: Probes = 100,
    window: Window = 1,
    timeout: float = 0.5,
    source: str | None = None,
    source_port: UdpPort = 49152,
    target_mac: str | None = None,
    interval: float = 0.0,
    progress: bool = True,
) -> EchoRun:
    """Sends `count` datagrams of every payload size to a UDP echo service and checks the answers.

    port: where probes are sent and answers received; its own frames still reach sockets
    target: IPv4 or IPv6 address of the service; its MAC is asked for with ARP or neighbour
        discovery unless target_mac tells it
    udp_port: of the service, 1 to 65535
    payload_sizes: UDP payloads in bytes, from 18 (the signature) to what the port's MTU carries
    count: datagrams a size
    window: datagrams under way at once, 1 to 256
    timeout: seconds after which a datagram is lost; later answers are counted as late
    source: address to send from; None: the lowest other host address of the target's /24 or /64.
        The port answers ARP, neighbour discovery and ping for it while the experiment runs.
    source_port: UDP source port
    interval: seconds between two datagrams, 0: as soon as the window has room
    progress: show a progress bar when it takes longer than half a second

    Raises Unreachable when nobody answers for the target, LabError while another lk.echo or a trial
    runs in the lab, whose drops could not be told from this one's. Ctrl-C ends the experiment and
    puts the port back as it was.
    """
    destination = parse_address(target)
    sender = check_source(source, destination)
    sizes = check_sizes(port, payload_sizes, destination.version)
    settings = EchoSettings(
        str(sender), str(destination), udp_port, source_port, count, window, timeout, interval
    )
    if target_mac is not None and not is_mac(target_mac):
        raise LabError(f"target_mac is {target_mac!r}; {HOW_TO_WRITE}")
    mac = target_mac or resolve(port, str(destination), source=str(sender))

    def run(pause: Pause) -> list[EchoSize]:
        with _bar(len(sizes) * count, progress) as bar:
            return [
                run_size(port, settings, mac, size, partial(bar, number * count), pause)
                for number, size in enumerate(sizes)
            ]

    results = measure(port.lab.engine, "lk.echo", run)
    return EchoRun(str(destination), udp_port, str(sender), port.name, tuple(results))


@contextmanager
def _bar(total: int, wanted: bool) -> Iterator[Callable[[int, int], object]]:
    """A function that takes how many probes former sizes made, and how many this one so far."""
    options = {"unit": "probe", "disable": not wanted, "delay": 0.5, "leave": False}
    with progress_bar(total=total, **options) as bar:
        yield lambda before, made: bar.update(before + made - bar.n)
