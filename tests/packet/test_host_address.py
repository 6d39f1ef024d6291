# SPDX-License-Identifier: BSD-3-Clause
"""Which addresses are a host's: wherever one is given, and as nodes have it."""

from collections.abc import Callable
from ipaddress import ip_address, ip_interface

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import Ether

import labkit as lk
from labkit.packet import codec
from labkit.packet.codec import Endpoint
from labkit.packet.host_address import why_no_host
from tests.frames import CLIENT_MAC, SERVER_MAC

NO_HOSTS = {
    "the address of nobody yet": ["0.0.0.0", "::"],
    "an address of this network itself": ["0.0.0.1", "0.255.255.255"],
    "a loopback address": ["127.0.0.1", "127.255.255.255", "::1"],
    "a group's address": ["224.0.0.1", "239.255.255.250", "ff02::1", "ff05::1:3"],
    "a reserved or broadcast address": ["240.0.0.1", "255.255.255.255"],
    "an IPv4 address as IPv6 writes it": ["::ffff:10.0.0.1"],
}
HOSTS = ["1.0.0.0", "10.0.0.255", "126.0.0.1", "128.0.0.1", "169.254.1.1", "223.255.255.255"]
HOSTS += ["fe80::1", "fd00::2", "2001:db8::", "::2", "::1.2.3.4", "64:ff9b::1.2.3.4"]
TO_US = Ether(src=CLIENT_MAC, dst=SERVER_MAC)
HERE = Endpoint(SERVER_MAC, ("10.0.0.2", "fd00::7"))


@pytest.mark.parametrize("address", [a for kind in NO_HOSTS.values() for a in kind] + HOSTS)
def test_python_and_the_nodes_agree(address: str) -> None:
    parsed = ip_address(address)
    if parsed.version == 4:
        question = TO_US / IP(src=address, dst="10.0.0.2") / ICMP()
    else:
        question = TO_US / IPv6(src=address, dst="fd00::7") / ICMPv6EchoRequest()
    verdict, _ = codec.handle("icmp_echo", bytes(question), HERE)
    assert verdict.name == ("next" if address in HOSTS else "ip_bad_source")
    assert why_no_host(parsed) == next(
        (kind for kind, addresses in NO_HOSTS.items() if address in addresses), ""
    )


def test_a_prefix_tells_the_broadcast_address() -> None:
    for text in ("10.0.0.255/24", "10.0.0.0/24", "172.31.255.255/12"):
        assert why_no_host(ip_interface(text)).startswith("the broadcast address of ")
    for text in ("10.0.0.1/24", "10.0.0.0/31", "10.0.0.255/32", "10.0.0.255/23", "10.0.0.2/0"):
        assert why_no_host(ip_interface(text)) == "", text
    assert why_no_host(ip_interface("fe80::1%eth0/64")) == why_no_host(ip_address("fe80::1%eth0"))


def test_what_is_no_hosts_is_refused_at_once_wherever_it_is_given(lab: lk.Lab) -> None:
    """Rather than asked for in vain, or sent from and never answered."""
    client, server = lab.cable()
    lab.echo_server(server, ["10.0.0.2/24", "fd00::2/64"])
    uses: list[Callable[[str], object]] = [
        lambda a: lab.echo_server(client, [a]),
        lambda a: lk.refuse([a]),
        lambda a: lk.Vxlan(local=a),
        lambda a: lk.echo(client, a, progress=False),
        lambda a: lk.echo(client, "fd00::2" if ":" in a else "10.0.0.2", source=a),
        lambda a: lk.resolve(client, a),
        lambda a: lk.resolve(client, "fd00::2" if ":" in a else "10.0.0.2", source=a),
        lambda a: client.socket(layer=3, source=a),
    ]
    for kind, addresses in {**NO_HOSTS, "a zone": ["fe80::1%eth0"]}.items():
        for address in addresses:
            for use in uses:
                with pytest.raises(lk.LabError, match=f"{address}.* {kind}"):
                    use(address)
    with pytest.raises(lk.LabError, match=r"10\.0\.0\.255/24' is .* the broadcast address of 10"):
        lab.echo_server(client, ["10.0.0.255/24"])


@pytest.mark.parametrize("group", ["ff02::1", "224.0.0.1", "255.255.255.255"])
def test_a_group_does_not_tell_whom_to_send_from(lab: lk.Lab, group: str) -> None:
    client, server = lab.cable()
    ping = IPv6(dst=group) / ICMPv6EchoRequest() if ":" in group else IP(dst=group) / ICMP()
    with client.socket(layer=3) as s, pytest.raises(lk.LabError, match="name source="):
        s.send(ping)
    source = "fd00::9" if ":" in group else "10.0.0.9"
    with client.socket(layer=3, source=source) as s, server.socket() as host:
        s.send(ping)
        sent = Ether(host.recv_raw()[1])
        assert sent[1].src == source
