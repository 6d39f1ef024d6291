# SPDX-License-Identifier: BSD-3-Clause
"""The module with DPDK linked in: one file, no DPDK library loaded, and the lab works."""

from pathlib import Path

from tests import native_build

CODE = """
import labkit as lk
from labkit._dataplane import lib
from labkit.machine.pmd_info import dpdk_drivers
assert dpdk_drivers().static
assert "net_ena" in dpdk_drivers()
with lk.Lab() as lab:
    client, server = lab.cable()
    lab.echo_server(server, ["10.0.0.2"], udp_port=9000)
    assert lk.echo(client, "10.0.0.2", udp_port=9000, count=50).ledger.received == 100
    with lk.sources.Engine(lab, hz=100) as source:
        assert source.units["port/client/rx_good_packets"] == "packets"
    null, memif = lab.port("null"), lab.port("memif:static", role="server")
    print(lab.dpdk_version, null.info.driver, memif.info.driver)
    maps = open(f"/proc/{lab.pid}/maps").read()
    assert "librte_" not in maps, [line for line in maps.splitlines() if "librte_" in line]
"""


def test_static_module_works_alone() -> None:
    package = native_build.build("static", "-DLABKIT_DPDK_STATIC=ON")
    module = next(Path(package, "labkit").glob("_dataplane*.so"))
    assert module.stat().st_size < 6 << 20
    ran = native_build.run(package, CODE)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "net_null" in ran.stdout
    assert "memif" in ran.stdout
