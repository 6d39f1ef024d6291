# SPDX-License-Identifier: BSD-3-Clause
"""A traced frame is stepped through: what each node did, its bytes, and the node on its path."""

import base64
import re

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether

import labkit as lk
from labkit.widgets.steps import Steps


def traced(lab: lk.Lab) -> tuple[Steps, Steps]:
    """An answered ping, and a datagram that nobody listens for."""
    client, server = lab.cable()
    path = lab.echo_server(server, ["10.0.0.2/24"], udp_port=9000)
    to_server = Ether(src=client.mac, dst=server.mac) / IP(src="10.0.0.1", dst="10.0.0.2")
    with lab.trace(2) as trace:
        client.send([to_server / ICMP() / bytes(200), to_server / UDP(dport=9)])
    return lk.steps(trace, path), lk.steps(trace, path, frame=1)


def test_each_node_tells_what_it_did(lab: lk.Lab) -> None:
    ping, stray = traced(lab)
    told = repr(ping)
    assert "IP src: 10.0.0.1 → 10.0.0.2" in told
    assert "ICMP type: echo-request → echo-reply" in told
    assert "the frame ends here" in told
    assert "the frame is dropped here and counted as drop_udp_no_listener" in repr(stray)


def test_the_page_has_every_step_and_no_script(lab: lk.Lab) -> None:
    ping, stray = traced(lab)
    for view in (ping, stray):
        page = view._repr_mimebundle_()["text/html"]
        assert "<script" not in page
        assert len(re.findall("<section", page)) == len(re.findall("<input", page))
        assert len(re.findall("<section", page)) == len(view.steps)
    marked = [
        base64.b64decode(found).decode()
        for found in re.findall(r'svg\+xml;base64,([^"]+)"', stray._repr_mimebundle_()["text/html"])
    ]
    assert all(svg.count('stroke-width="4"') == 1 for svg in marked)
    # Of what was dropped the node that refused is set off.
    assert marked[-1].index('stroke-width="4"') > marked[-1].index('data-node="refuse"')


def test_views_of_one_page_are_independent(lab: lk.Lab) -> None:
    ping, _ = traced(lab)
    names = {re.findall('name="([^"]+)"', ping._html())[0] for _ in range(2)}
    assert len(names) == 2


def test_what_cannot_be_stepped_through(lab: lk.Lab) -> None:
    client, _ = lab.cable()
    trace = lab.trace(1).wait(0)
    with pytest.raises(lk.LabError, match="the trace has seen no frame"):
        lk.steps(trace)
    with pytest.raises(lk.LabError, match="trace is 7; it is a"):
        lk.steps(7)  # type: ignore[arg-type]
    with lab.trace(1) as trace:
        client.send(Ether() / IP())
    with pytest.raises(lk.LabError, match="frame is 1; the trace has one frame, number 0"):
        lk.steps(trace, frame=1)
    with pytest.raises(lk.LabError, match="paths is 'echo'; it is a RunningPath or a Path"):
        lk.steps(trace, "echo")  # type: ignore[arg-type]
