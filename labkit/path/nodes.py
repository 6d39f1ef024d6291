# SPDX-License-Identifier: BSD-3-Clause
"""The nodes of a path, each declared where it is made."""

from labkit.path.declaration import node
from labkit.path.types import (
    Addresses,
    CaptureFile,
    Fault,
    FrameFilter,
    Ipv4Addresses,
    Ipv6Addresses,
    KeptFiles,
    Mac,
    MostBytes,
    MostFrames,
    MostSeconds,
    Name,
    Place,
    PortBehind,
    PortName,
    ProbeRun,
    PythonsPort,
    Rotation,
    RxQueue,
    SendingTunnel,
    SickNic,
    Snaplen,
    TrialRun,
    TunnelEnd,
    TxQueue,
    UdpPort,
    UnknownVni,
)

BOTH = ("next", "other")
TUNNELS = "RFC 7348, RFC 8926, draft-ietf-intarea-gue-09"

# Where frames enter and leave


@node(role="source", reference="rte_eth_rx_burst", exclusive=True)
def rx(port: PortName, queue: RxQueue | None = None, *, name: Name = None) -> None:
    """Receives frames from all queues of a port, the path running in as many lanes (lab.run), or
    from the queue that is named."""


@node(role="end", reference="rte_eth_tx_burst")
def tx(port: PortName, queue: TxQueue | None = None, *, name: Name = None) -> None:
    """Sends frames on a queue of a port, the one of the lane's number unless it is named.

    A frame longer than the port's MTU allows ends in drop_tx_too_long, one for which the queue has
    no room in drop_tx_full, one without a link in drop_tx_link_down, one on a cable whose other end
    was closed in drop_tx_unplugged.
    """


@node(role="source", exclusive=True, label="from Python")
def inject(port: PythonsPort, *, name: Name = None) -> None:
    """Frames that Python sends on the port: port.send(), port.socket()."""


@node(role="end", exclusive=True, label="to Python")
def collect(port: PythonsPort, *, name: Name = None) -> None:
    """Hands frames to Python as received by the port: port.receive(), port.socket()."""


@node(role="end")
def sink(*, name: Name = None) -> None:
    """Counts frames and frees them."""


@node(role="process", reference="draft-ietf-opsawg-pcapng, draft-ietf-opsawg-pcap")
def capture(
    file: CaptureFile,
    snaplen: Snaplen = 0,
    filter: FrameFilter | None = None,
    *,
    frames: MostFrames | None = None,
    bytes: MostBytes | None = None,  # noqa: A002  # as files count them
    seconds: MostSeconds | None = None,
    rotate: Rotation | None = None,
    files: KeptFiles | None = None,
    name: Name = None,
) -> None:
    """Copies frames to a file with nanosecond stamps and passes every frame on.

    file: by its name pcapng (.pcapng, or no suffix) or pcap (.pcap, .cap). A new one is readable by
    its owner only; what an existing one held is gone. A file that another capture writes or
    lk.Replay plays is refused, whatever name or link it is given by.
    snaplen: bytes kept of a frame, 0: all.
    filter: which frames are copied, such as "udp port 4789" (pcap-filter); None: every one.

    frames, bytes, seconds: the capture ends by itself before it has more; texts such as "10 MB"
    and "20 s" are taken. The file is complete then, and frames go on through the path. bytes are
    those of all files, never more; seconds are counted from the beginning.

    rotate: "10 MB", "60 s" or "1000 frames": what a file may have before the next begins, with the
    first frame that does not belong to it any more; a file has one frame at least. Files are named
    as by dumpcap: seen_00001_20261130161500.pcapng, seen_00002_..., their number and the local time
    at which they begin. They are always new ones. files: keep so many, the newest; older ones are
    removed, unless somebody has changed or replaced them meanwhile.

    Frames are in the file after some milliseconds, after RunningPath.flush() at once, always in
    whole records. A reader that comes in the very moment of a write may find the last one cut, as
    with tcpdump. A disk that is too slow or full, and a file that is removed or changed, cost
    frames of the capture, which RunningPath.counters.captures tells with the reason; the path
    goes on.
    """


# Which frames


@node(role="process", outputs=BOTH, reference="pcap-filter")
def filter(expression: FrameFilter, *, name: Name = None) -> None:
    """Passes on the frames that a capture filter takes, such as "tcp and port 80".

    The others leave by `other`; without an edge there they end in drop_filter_rejected. An empty
    expression takes every frame.
    """


# Endpoints


@node(role="process", outputs=BOTH, reference="RFC 826")
def arp_responder(addresses: Ipv4Addresses, mac: Mac | None = None, *, name: Name = None) -> None:
    """Answers ARP requests for its addresses."""


@node(role="process", outputs=BOTH, reference="RFC 4861 7.2.3")
def nd_responder(addresses: Ipv6Addresses, mac: Mac | None = None, *, name: Name = None) -> None:
    """Answers neighbour solicitations for its addresses."""


@node(role="process", outputs=BOTH, reference="RFC 792, RFC 4443 4.2")
def icmp_echo(addresses: Addresses, mac: Mac | None = None, *, name: Name = None) -> None:
    """Answers ping and ping6, ICMP and ICMPv6 echo requests to its addresses."""


@node(role="process", outputs=BOTH, reference="RFC 768, RFC 862")
def udp_echo(
    addresses: Addresses, udp_port: UdpPort = 7, mac: Mac | None = None, *, name: Name = None
) -> None:
    """Sends UDP datagrams to its addresses and port back to their sender.

    Checksums are verified; IPv6 extension headers and IPv4 options are walked and left out of the
    answer.
    """


@node(role="end", takes_frames_out=False, reference="RFC 1122")
def refuse(
    addresses: Addresses,
    udp_port: UdpPort | None = None,
    mac: Mac | None = None,
    *,
    name: Name = None,
) -> None:
    """Drops every frame under the reason why an endpoint with these addresses is silent."""


@node(role="process", reference="testpmd 5tswap", label="MAC, IP, ports swapped")
def reflect(*, name: Name = None) -> None:
    """Swaps MAC addresses, IP addresses and TCP or UDP ports."""


# Tunnels


@node(role="process", reference=TUNNELS)
def encap(tunnel: SendingTunnel, *, name: Name = None) -> None:
    """Puts every frame into a tunnel: lk.Vxlan, lk.Geneve or lk.Gue.

    local_mac is that of the port which the frames go to when the tunnel does not name it.
    """


@node(role="process", outputs=BOTH, reference=TUNNELS)
def decap(tunnel: TunnelEnd, unknown_vni: UnknownVni = "drop", *, name: Name = None) -> None:
    """Takes frames out of a tunnel; what is refused ends in the drop node of its verdict.

    Frames that are not addressed to the tunnel's local end, or are none of its protocol, go on as
    `other`. unknown_vni: "drop" (drop_tunnel_unknown_vni), or "pass": to another decap by `other`.
    """


# Experiments


@node(role="source")
def probe_send(run: ProbeRun, port: PortName, *, name: Name = None) -> None:
    """Sends the probes of an echo experiment; made by lk.echo()."""


@node(role="process", outputs=("other",))
def probe_receive(run: ProbeRun, *, name: Name = None) -> None:
    """Checks and times the answers to probes; made by lk.echo()."""


@node(role="source", reference="RFC 2544")
def generate(
    run: TrialRun, port: PortName, queue: TxQueue | None = None, *, name: Name = None
) -> None:
    """Makes the frames of a trial when they are due, each lane its share of them; made by
    lk.trial() and lab.traffic().

    queue: of the port, by which they leave; None: the lane's
    """


@node(role="process", outputs=("other",), reference="RFC 4737")
def receive(run: TrialRun, place: Place = 0, *, name: Name = None) -> None:
    """Tracks and times the frames of a trial; made by lk.trial() and lab.traffic().

    place: which of the ports that live traffic arrives on this is
    """


@node(role="process", reference="lk.fault")
def fault(what: Fault, of: SickNic, nic: PortBehind | None = None, *, name: Name = None) -> None:
    """Says that the NIC of the port behind it is sick; made by lk.fault."""
