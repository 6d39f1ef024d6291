# SPDX-License-Identifier: BSD-3-Clause
"""Topologies as text: devices, links, addresses and routes, and what is wrong with others."""

import pytest

from labkit.lab.topology.addressing import Layout, lay_out
from labkit.lab.topology.plan import Quality, TopologyError
from labkit.lab.topology.routes import gateway_of, routes_of
from labkit.lab.topology.text import plan_of

CAMPUS = """
h1, h2: host 10.0.1.0/24   # in one network
r1: router
h1 -- s1 -- r1 -- r2 : delay 5 ms, rate 100 Mbit/s, loss 0.1 %
h2 -- s1
r2 -- r3 -- h3
r1 -- r4 -- h4
"""


def addresses(layout: Layout) -> dict[str, str]:
    return {
        i.name: str(address)
        for interfaces in layout.interfaces.values()
        for i in interfaces
        for address in i.addresses.values()
    }


def test_devices_links_and_what_they_are_like() -> None:
    plan = plan_of(CAMPUS)
    assert {name: d.kind for name, d in plan.devices.items()} == {
        **dict.fromkeys(("h1", "h2", "h3", "h4"), "host"),
        **dict.fromkeys(("r1", "r2", "r3", "r4"), "router"),
        "s1": "switch",
    }
    assert [str(link) for link in plan.links][:4] == [
        "h1 -- s1",
        "s1 -- r1",
        "r1 -- r2",
        "h2 -- s1",
    ]
    quality = plan.links[2].quality
    assert (quality.rate, quality.delay, quality.loss) == ("100 Mbit/s", 0.005, 0.001)
    assert plan.links[3].quality.rate is None


def test_a_dict_says_the_same() -> None:
    like = {"delay": 0.005, "rate": "100 Mbit/s", "loss": "0.1 %"}
    given = {
        "nodes": {**dict.fromkeys(("h1", "h2"), "host 10.0.1.0/24"), "r1": "router"},
        "links": [
            ("h1", "s1", "r1", "r2", like),
            ("h2", "s1"),
            ("r2", "r3", "h3"),
            ("r1", "r4", "h4"),
        ],
    }
    assert plan_of(given) == plan_of(CAMPUS)


@pytest.mark.parametrize(
    "given",
    [
        "h1 -- r1 -- r2 -- h2\nr2 -- r1 : delay 5 ms\nr1 -- r2 : loss 1 %",
        {"links": [("h1", "r1", "r2", "h2"), ("r2", "r1", {"delay": "5 ms", "loss": 0.01})]},
    ],
)
def test_a_link_that_is_there_becomes_as_it_is_said_to_be(given: object) -> None:
    """It is no second one beside it, that would be as fast as ever."""
    links = {str(link): link.quality for link in plan_of(given).links}
    assert links["r1 -- r2"] == Quality(delay=0.005, loss=0.01)
    assert list(links) == ["h1 -- r1", "r1 -- r2", "r2 -- h2"]


def test_addresses_are_found() -> None:
    found = addresses(lay_out(plan_of(CAMPUS)))
    assert found["r1-s1"] == "10.0.1.1/24"  # routers first
    assert (found["h1-s1"], found["h2-s1"]) == ("10.0.1.2/24", "10.0.1.3/24")
    assert (found["r1-r2"], found["r2-r1"]) == ("10.0.2.1/24", "10.0.2.2/24")
    assert len(set(found.values())) == len(found)


def test_given_addresses_are_kept() -> None:
    layout = lay_out(
        plan_of(
            "h1: host 10.0.2.9/24 via 10.0.2.7\n"
            "r1: router 10.0.2.7/24, 192.0.2.1/28\n"
            "h2: host fd00:5::9/64\n"
            "h1 -- r1 -- h2"
        )
    )
    assert {"10.0.2.9/24", "10.0.2.7/24", "192.0.2.1/28", "fd00:5::9/64"} <= {
        str(a) for i in layout.interfaces.values() for x in i for a in x.addresses.values()
    }
    assert gateway_of(layout, "h1", 4) == "10.0.2.7"
    assert gateway_of(layout, "h2", 4) == "192.0.2.1"
    assert gateway_of(layout, "h2", 6) == "fd00:5::1"


def test_routes_lead_over_as_few_routers_as_may_be() -> None:
    layout = lay_out(plan_of("h1 -- r1 -- r2 -- r3 -- r4 -- h2\nr1 -- r5 -- r4"))
    far = str(layout.segment_of(layout.host("h2")).networks[4])
    by_r5 = addresses(layout)["r5-r1"].partition("/")[0]
    assert routes_of(layout, "r1")[far] == by_r5
    down = lay_out(plan_of("h1 -- r1 -- r2 -- r3 -- r4 -- h2\nr1 -- r5 -- r4 : down"))
    by_r2 = addresses(down)["r2-r1"].partition("/")[0]
    assert routes_of(down, "r1")[far] == by_r2


def test_given_routes_come_first() -> None:
    """Whoever wants a loop gets one."""
    text = "r1: router to {} via 10.0.1.9 to fd00:9::/32 via fd00:1::9\nh1 -- r1 -- r2 -- h2"
    far = str(lay_out(plan_of(text.format("10.9.0.0/16"))).segments[-1].networks[4])
    found = routes_of(lay_out(plan_of(text.format(far))), "r1")
    assert found == {far: "10.0.1.9", "fd00:9::/32": "fd00:1::9"}


def test_a_default_route() -> None:
    layout = lay_out(plan_of("r1: router via 10.0.1.9\nh1 -- r1"))
    assert routes_of(layout, "r1") == {"0.0.0.0/0": "10.0.1.9"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "the topology is empty; a line is devices"),
        ("# nothing", "the topology is empty"),
        (5, "a topology is 5; give a text"),
        ("h1 h2", "line 1, 'h1 h2': neither devices nor links"),
        ("\nh1 -- foo", "foo is not declared; add a line such as foo: host"),
        ("h1: hosst", "line 1, 'h1: hosst': h1 is 'hosst'.*did you mean 'host'"),
        ("h1: host 10.0.0.1", "'10.0.0.1' is no address with its prefix"),
        ("h1: host 10.0.1.1/31", "a link needs a prefix of /30 or shorter"),
        ("h1: host 224.0.0.1/24", "no address that a host can have"),
        ("h1: host via x", "behind via stands 'x'"),
        ("h1 -- h2\nh2 -- h1 : dealy 5 ms", "line 2.*no 'dealy'.*did you mean 'delay'"),
        ("h1 -- h2 : delay 5", "delay is '5': it has no unit.*write it as delay 5 ms"),
        ("h1 -- h2 : delay 61 s", "the range is 0 to 60 s"),
        ("h1 -- h2 : loss 5", "loss is '5'.*write it as loss 0.1 %"),
        ("h1 -- h2 : loss 101 %", "the range is 0 to 100 %"),
        ("h1 -- h2 : rate 10 Mbt/s", "did you mean 'Mbit/s'"),
        ("h1 -- h2 : limit 0", "the range is 1 to 4096 packets"),
        ("h1 -- h2 : down 5", "behind down stands '5'"),
        ("h1:eth1 -- s1:eth1", "'h1:eth1' is no name of a device.*interfaces are not named"),
        ("h1 --", "'' is no name of a device"),
        ("h1 -- h1", "h1 is linked with itself"),
        ("h1: host 10.0.1.5/24 via 10.9.9.9\nh1 -- r1", "via 10.9.9.9, which is no neighbour"),
        ("h1: host 10.0.1.5/24 via 10.0.1.5\nh1 -- r1", "via 10.0.1.5, which is no neighbour"),
        ("h1: host 10.0.1.5/24 via fd00::1\nh1 -- r1", "via fd00::1, which is no neighbour"),
        ("h1 -- h2 : rate 100", "rate is '100': it has no unit; write it as rate 100 Mbit/s"),
        ({"links": [("h1", "h2", {"delay": None})]}, "delay is None: it is neither a number"),
        (
            "h1: host 10.0.1.5/24, 10.0.1.6/24\nh1 -- h2",
            "h1 has the addresses 10.0.1.5 and 10.0.1.6; a host has one of each IP version",
        ),
        ("r1: router to 10.9.0.0 10.0.1.9", "behind to 10.9.0.0 stands '10.0.1.9'; it is via"),
        ("r1: router to 10.9.0.1/16 via 10.0.1.9", "behind to stands '10.9.0.1/16', no network"),
        ("r1: router to 10.9.0.0/16 via fd00::1", "an address of the other IP version"),
        ("r1: router to 10.9.0.0/16", "behind to 10.9.0.0/16 stands ''; it is via"),
        ("h1: host to 10.9.0.0/16 via 10.0.1.9", "host h1 has a route; routers do"),
        ("h1 -- r1 -- r2 -- h2\nr2 -- r1", "line 2.*r2 and r1 are linked already"),
        ({"links": [("h1", "h2"), ("h2", "h1")]}, "link 2: h2 and h1 are linked already"),
        ("h1 -- s1\nh1 -- s2", "host h1 has 2 links, and a host has one"),
        ("h1 -- s1", "switch s1 has 1 link; the range is 2 to 32"),
        ("h1: host", "host h1 has no link"),
        ("h1, h2: host\nh1: host\nh1 -- h2", "line 2.*h1 is declared twice"),
        ("s1: switch 10.0.0.0/24", "switch s1 has addresses; a switch has none"),
        ("\n".join(f"h{n} -- s{n // 30}" for n in range(81)), "81 links; the range is 1 to 80"),
        (
            "h1: host 10.0.1.1/24\nh2: host 10.0.2.2/24\nh1 -- h2",
            "h2 is in 10.0.2.0/24, and h1, which it hears, in 10.0.1.0/24",
        ),
        ("h1: host 10.0.1.1/24\nh2: host 10.0.1.1/24\nh1 -- h2", "both have the address 10.0.1.1"),
        (
            "h1: host 10.0.0.0/16\nh2: host 10.0.1.0/24\nh1 -- r1 -- h2",
            "10.0.1.0/24 and 10.0.0.0/16 overlap",
        ),
        ("r1: router 10.9.0.1/24\nh1: host 10.0.1.0/24\nh1 -- r1", "no link to that network"),
        ("h1, h2, h3: host 10.0.1.0/30\nh1 -- s1 -- h2\nh3 -- s1", "no address left for h3"),
        ({"nods": {}}, "'nods'.*did you mean 'nodes'"),
        ({"nodes": []}, "nodes is"),
        ({"nodes": {"h1": 5}}, "node h1 is 5"),
        ({"links": "h1"}, "links is 'h1'; it is a list of links"),
        ({"links": [("h1",)]}, "a link is"),
        ({"links": [("h1", "h2", {"delai": 1})]}, "link 1: a link has no 'delai'"),
        ({"links": [("h1", "h2", {"up": "no"})]}, "up is 'no': it is True or False"),
        ({"links": [("h1", 5)]}, "5 is no name of a device"),
    ],
)
def test_what_is_refused(given: object, said: str) -> None:
    with pytest.raises(TopologyError, match=said):
        lay_out(plan_of(given))
