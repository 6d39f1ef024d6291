# SPDX-License-Identifier: BSD-3-Clause
"""A learning switch: which ports a frame leaves by, with which tag, and what the table says."""

import pytest
from scapy.layers.l2 import Dot1AD, Ether
from scapy.packet import Raw

import labkit as lk
from labkit.errors import PathError
from tests.patience import wait_until
from tests.switching import GROUP, Stations, frame, mac, tag


def switch(lab: lk.Lab, count: int = 3, **options: object) -> Stations:
    return Stations(lab, count, lambda ports: lk.switch(ports, **options))  # type: ignore[arg-type]


def vlan_switch(lab: lk.Lab) -> Stations:
    """An access port of VLAN 10, one of 20, a trunk, and a trunk with a native VLAN."""
    trunk = {"trunk": "all", "native": 10}
    return Stations(
        lab,
        4,
        lambda p: lk.switch(p, vlans={p[0]: 10, p[1]: 20, p[2]: [10, 20], "p3": trunk}),
    )


def test_it_learns_and_forwards(lab: lk.Lab) -> None:
    net = switch(lab)
    assert net.say(0, frame(1, 2)) == {"p1": 1, "p2": 1}
    assert net.say(1, frame(2, 1)) == {"p0": 1}
    assert net.say(0, frame(1, 2, number=1)) == {"p1": 1}
    assert net.say(2, frame(3, GROUP)) == {"p0": 1, "p1": 1}
    assert net.heard(1, 3) == [frame(1, 2), frame(1, 2, number=1), frame(3, GROUP)]
    assert net.heard(2, 1) == [frame(1, 2)]
    table = net.path.tables["switch"].sort_values("mac")
    assert table["mac"].tolist() == [mac(1), mac(2), mac(3)]
    assert table["port"].tolist() == ["p0", "p1", "p2"]
    assert table["vlan"].isna().all()
    assert table["moves"].tolist() == [0, 0, 0]
    assert (table["age_s"] >= 0).all()
    found = net.functions("switch")
    assert (found["learned"], found["flooded"], found["made"]) == (3, 2, 2)
    assert found["moved"] == found["aged"] == found["table_full"] == found["not_copied"] == 0


def test_in_one_burst_what_is_learned_counts_at_once(lab: lk.Lab) -> None:
    """Frames of one station keep their order, whether they are flooded or forwarded."""
    net = switch(lab)
    net.say(1, frame(2, 2))
    said = [frame(1, 2 if n % 3 else GROUP, number=n) for n in range(200)]
    assert net.say(0, *said) == {"p1": 200, "p2": 67}
    assert net.heard(1, 200) == said
    assert net.heard(2, 67) == said[::3]


def test_what_is_not_forwarded_is_dropped_by_name(lab: lk.Lab) -> None:
    net = switch(lab)
    net.say(0, frame(1, GROUP), frame(4, GROUP))
    assert net.say(0, frame(1, 4)) == {"drop_switch_same_port": 1}
    for last in (0x00, 0x01, 0x0E, 0x0F):
        assert net.say(0, frame(5, f"01:80:c2:00:00:{last:02x}")) == {"drop_switch_reserved": 1}
    assert net.say(0, frame(1, "01:80:c2:00:00:10")) == {"p1": 1, "p2": 1}
    for source in ("01:00:00:00:00:01", GROUP, "00:00:00:00:00:00"):
        bad = bytes(Ether(src=source, dst=mac(1)) / Raw(bytes(46)))
        assert net.say(0, bad) == {"drop_switch_bad_source": 1}
    table = net.path.tables["switch"]
    assert set(table["mac"]) == {mac(1), mac(4), mac(5)}  # of reserved frames, too


def test_a_station_that_moves_is_followed(lab: lk.Lab) -> None:
    net = switch(lab)
    net.say(0, frame(1, GROUP))
    net.say(1, frame(2, GROUP))
    for port in (2, 0, 2):
        net.say(port, frame(1, GROUP))
        assert net.say(1, frame(2, 1)) == {f"p{port}": 1}
    table = net.path.tables["switch"].set_index("mac")
    assert table.loc[mac(1), ["port", "moves"]].tolist() == ["p2", 3]
    assert net.functions("switch")["moved"] == 3


def test_an_address_ages(lab: lk.Lab) -> None:
    net = switch(lab, aging="50 ms")
    net.say(1, frame(2, GROUP))
    wait_until(lambda: len(net.path.tables["switch"]) == 0)
    assert net.functions("switch")["aged"] == 1
    assert net.say(0, frame(1, 2)) == {"p1": 1, "p2": 1}


def test_a_table_is_emptied(lab: lk.Lab) -> None:
    net = switch(lab)
    net.say(1, frame(2, GROUP))
    assert net.say(0, frame(1, 2)) == {"p1": 1}
    net.path.tables.clear("switch")
    assert len(net.path.tables["switch"]) == 0
    assert net.say(0, frame(1, 2)) == {"p1": 1, "p2": 1}
    with pytest.raises(PathError, match=r"no table 'swich'.*did you mean 'switch'"):
        net.path.tables.clear("swich")


def test_a_full_table_floods(lab: lk.Lab) -> None:
    net = switch(lab, limit=10)
    assert net.say(0, *(frame(n, GROUP) for n in range(1, 21))) == {"p1": 20, "p2": 20}
    table = net.path.tables["switch"]
    assert sorted(table["mac"]) == [mac(n) for n in range(1, 11)]
    assert net.functions("switch")["table_full"] == 10
    assert net.say(1, frame(1, 10), frame(1, 11)) == {"p0": 2, "p2": 1}


def test_a_full_table_takes_those_that_come_when_others_have_aged(lab: lk.Lab) -> None:
    net = switch(lab, limit=4, aging="50 ms")
    net.say(0, *(frame(n, GROUP) for n in range(1, 5)))

    def learns() -> bool:
        net.say(1, frame(5, GROUP))
        return net.say(0, frame(9, 5)) == {"p1": 1}

    wait_until(learns)


def test_frames_without_tags_belong_to_the_vlan_of_their_port(lab: lk.Lab) -> None:
    net = vlan_switch(lab)
    assert net.say(0, frame(1, GROUP)) == {"p2": 1, "p3": 1}
    assert net.heard(2, 1) == [frame(1, GROUP, tag(10))]
    assert net.heard(3, 1) == [frame(1, GROUP)]
    assert net.say(1, frame(2, GROUP)) == {"p2": 1, "p3": 1}
    assert net.heard(2, 1) == [frame(2, GROUP, tag(20))]
    assert net.heard(3, 1) == [frame(2, GROUP, tag(20))]
    table = net.path.tables["switch"].set_index("mac")
    assert table["vlan"].to_dict() == {mac(1): 10, mac(2): 20}
    assert net.say(0, frame(1, 2)) == {"p2": 1, "p3": 1}  # in its VLAN nobody knows 2


def test_frames_with_tags_leave_as_each_port_has_them(lab: lk.Lab) -> None:
    net = vlan_switch(lab)
    assert net.say(2, frame(1, GROUP, tag(10, prio=5))) == {"p0": 1, "p3": 1}
    assert net.heard(0, 1) == net.heard(3, 1) == [frame(1, GROUP)]
    assert net.say(3, frame(2, 1, tag(10, prio=5))) == {"p2": 1}
    assert net.heard(2, 1) == [frame(2, 1, tag(10, prio=5))]
    assert net.say(0, frame(3, 1, tag(10))) == {"p2": 1}  # an access port takes its own VLAN's
    assert net.heard(2, 1) == [frame(3, 1, tag(10))]


def test_a_tag_with_a_priority_alone_is_as_good_as_none(lab: lk.Lab) -> None:
    net = vlan_switch(lab)
    assert net.say(0, frame(1, GROUP, tag(0, prio=6))) == {"p2": 1, "p3": 1}
    assert net.heard(2, 1) == [frame(1, GROUP, tag(10, prio=6))]
    assert net.heard(3, 1) == [frame(1, GROUP)]


def test_a_tag_of_a_provider_is_carried(lab: lk.Lab) -> None:
    net = vlan_switch(lab)
    provider = Dot1AD(vlan=7, type=0x9000)
    assert net.say(0, frame(1, GROUP, provider)) == {"p2": 1, "p3": 1}
    assert net.heard(3, 1) == [frame(1, GROUP, provider)]
    (tagged,) = net.heard(2, 1)
    assert tagged[12:20] == bytes.fromhex("8100000a88a80007")


def test_frames_of_other_vlans_are_dropped_by_name(lab: lk.Lab) -> None:
    net = vlan_switch(lab)
    assert net.say(0, frame(1, GROUP, tag(20))) == {"drop_switch_not_member": 1}
    assert net.say(2, frame(1, GROUP)) == {"drop_switch_untagged": 1}
    assert net.say(2, frame(1, GROUP, tag(0))) == {"drop_switch_untagged": 1}
    assert net.say(3, frame(1, GROUP, tag(4095))) == {"drop_switch_not_member": 1}
    assert net.say(3, frame(1, GROUP, tag(4094))) == {"drop_switch_no_port": 1}
    short = frame(1, GROUP, tag(10))[:15]
    assert net.say(3, short) == {"drop_vlan_truncated": 1}
    assert net.say(3, short[:13]) == {"drop_eth_truncated": 1}
    assert net.path.tables["switch"].set_index("mac")["vlan"].to_dict() == {mac(1): 4094}


def test_without_vlans_tags_stay(lab: lk.Lab) -> None:
    net = switch(lab)
    assert net.say(0, frame(1, 2, tag(30))) == {"p1": 1, "p2": 1}
    assert net.heard(1, 1) == [frame(1, 2, tag(30))]
    assert net.say(1, frame(2, 1, tag(31))) == {"p0": 1}


def test_a_bridge_in_a_path_with_more_in_it(lab: lk.Lab) -> None:
    def make(ports: list[lk.Port]) -> lk.Path:
        a, b, c = ports
        bridge = lk.bridge([a, b], name="middle")
        return lk.Path(
            lk.rx(a) >> bridge,
            lk.rx(b) >> lk.delay("1 ms") >> bridge,
            lk.rx(c) >> bridge,
            bridge["p0"] >> lk.tx(a),
            bridge["p1"] >> lk.delay("1 ms") >> lk.tx(b),
        )

    net = Stations(lab, 3, make)
    net.far[0].send([frame(1, GROUP)])
    assert net.heard(1, 1) == [frame(1, GROUP)]
    net.far[1].send([frame(2, 1)])
    assert net.heard(0, 1) == [frame(2, 1)]
    net.far[2].send([frame(3, 1)])
    wait_until(lambda: net.path.drops == {"drop_switch_unknown_port": 1})
    assert net.path.tables["middle"]["port"].tolist() in (["p0", "p1"], ["p1", "p0"])
    assert net.path.ledger.is_balanced


def test_flooding_without_buffers_is_counted(lab: lk.Lab) -> None:
    """Copies come from the pool of the port that a frame came by, which has an end."""

    def make(ports: list[lk.Port]) -> lk.Path:
        bridge = lk.bridge(ports)
        held = lk.delay("60 s", limit=100_000) >> lk.tx(ports[0])
        ends = [bridge[port.name] >> held for port in ports]
        return lk.Path(*(lk.rx(port) >> bridge for port in ports), *ends)

    net = Stations(lab, 8, make)
    stream = lk.Stream(Ether(src=mac(1), dst=GROUP) / Raw(bytes(46)), size=82)
    with lab.traffic() as traffic:
        traffic.add(stream, on=net.far[0], rate="20 kpps").start()
        wait_until(lambda: net.functions("switch")["not_copied"] > 0)
    wait_until(lambda: net.path.ledger.is_balanced)
