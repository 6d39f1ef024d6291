# SPDX-License-Identifier: BSD-3-Clause
"""How a driver spreads frames: read, set, predicted, measured. net_null keeps what it is told."""

from collections.abc import Iterator

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import labkit as lk
from labkit.lab.spread import one_queue
from tests.patience import wait_until


@pytest.fixture
def port(lab: lk.Lab) -> Iterator[lk.Port]:
    port = lab.port("null", "null", queues=4, source=True)
    yield port
    for path in tuple(lab.paths.values()):
        path.stop()
    port.close()


def test_it_is_read_and_set(port: lk.Port) -> None:
    rss = port.rss
    assert len(rss.key) == 40
    assert "ipv4-udp" in rss.offered
    rss.table = [0, 1, 2, 3]
    rss.fields = ("ipv4-udp", "ipv6-udp")
    rss.key = "6d:5a" * 20
    assert (rss.table, rss.fields) == ((0, 1, 2, 3) * 32, ("ipv4-udp", "ipv6-udp"))
    assert port.rss.key == bytes.fromhex("6d5a") * 20
    assert "0, 1, 2, 3; repeated to 128 entries" in repr(rss)
    assert "ipv4-udp, ipv6-udp" in rss._repr_html_()


def test_it_is_set_again_in_a_new_engine(port: lk.Port) -> None:
    port.rss.table = [3]
    port.rss.fields = ("ipv4",)
    port.lab.restart()
    assert (set(port.rss.table), port.rss.fields) == ({3}, ("ipv4",))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("table", [4], r"table has queue 4; port null has 0 to 3"),
        ("table", [0, 1, 2], r"it has 128 entries, or a part of which 128 is a multiple"),
        ("table", 7, r"table is 7; it has 128 entries"),
        ("fields", ("ipv4-upd",), r"net_null cannot hash by 'ipv4-upd' .* did you mean 'ipv4-udp'"),
        ("fields", "ipv4", r"fields is 'ipv4'; it is names such as"),
        ("key", b"short", r"key has 5 bytes; that of port null has 40"),
        ("key", "no hex", r"it is bytes or hex text"),
    ],
)
def test_what_cannot_be_is_refused(port: lk.Port, name: str, value: object, message: str) -> None:
    with pytest.raises(lk.PortError, match=message):
        setattr(port.rss, name, value)


def test_drivers_without_it_say_so(lab: lk.Lab) -> None:
    a, b = lab.cable()
    assert a.rss.offered == ()
    for name in ("key", "fields", "table"):
        with pytest.raises(lk.PortError, match="port client: net_ring does not tell"):
            getattr(a.rss, name)
    assert repr(a.rss).count("the driver does not tell") == 3
    a.close()
    b.close()


def test_queues_are_predicted(port: lk.Port) -> None:
    port.rss.key = (
        "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa"
    )
    port.rss.fields = ("ipv4-udp",)
    port.rss.table = [0, 1, 2, 3]
    packet = Ether() / IP(src="66.9.149.187", dst="161.142.100.80") / UDP(sport=2794, dport=1766)
    assert port.rss.queue_of(packet) == 0x51CCC178 % 4
    flows = [
        Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1024 + n, dport=9)
        for n in range(256)
    ]
    predicted = port.rss.predicted(flows)
    assert predicted.sum() == 256
    assert all(predicted > 0)


def test_spread_is_measured(port: lk.Port) -> None:
    assert port.rss.spread["frames"].isna().all(), "nobody reads it"
    path = port.lab.run(lk.rx(port) >> lk.sink())
    wait_until(lambda: bool(all(port.rss.spread["frames"] > 0)))
    table = port.rss.spread
    assert table["queue"].tolist() == [0, 1, 2, 3]
    assert table["lcore"].tolist() == path.lanes["lcore"].tolist()
    assert table["path"].tolist() == ["path"] * 4
    assert table["share_percent"].sum() == pytest.approx(100)
    assert port.rss.plot().axes[0].get_xlabel() == "queue"


def test_one_busy_queue_of_several_is_told(port: lk.Port) -> None:
    """Of drivers that spread by themselves; a cable's sender chooses the queue."""
    assert one_queue(port, {0: 5000, 1: 0}) == ""
    port.last_info = type(port.last_info)(**{**vars(port.last_info), "driver": "net_virtio"})
    assert one_queue(port, {0: 5000, 1: 1}) == ""
    assert one_queue(port, {0: 999}) == "", "too few to tell"
    said = one_queue(port, {0: 0, 1: 5000, 2: 0})
    assert said.startswith("port null: all 5,000 frames came to queue 1 of 4")
    assert "lk.vary(UDP.sport, range(1024, 2048))" in said
