# SPDX-License-Identifier: BSD-3-Clause
"""An af_xdp port that is opened again and again hears its network each time."""

import os

import pytest

import labkit as lk
from tests.network import LAB_4, talk_to, veth_host

UDP_PORT = 9000
TIMES = int(os.environ.get("LABKIT_REOPENED", "5"))


@pytest.mark.timeout(1800)
def test_reopened(lab: lk.Lab) -> None:
    with veth_host() as host:
        for number in range(TIMES):
            port = lab.port(f"af_xdp:{host.outside}", "wire")
            server = lab.echo_server(port, [f"{LAB_4}/24"], UDP_PORT)
            said = talk_to(host, LAB_4, UDP_PORT, [18])
            assert said == "all echoed\n", f"opened {number} times: {said}\n{port.xstats()}"
            server.stop()
            port.close()
