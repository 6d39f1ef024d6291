# SPDX-License-Identifier: BSD-3-Clause
"""What TAB offers: public names alone; names of ports, drops, counters; texts of arguments."""

from typing import Any

import pytest

import labkit as lk
from labkit.notebooks.completion import Completions, Unfinished
from labkit.path.drops import drop_nodes
from tests.notebooks.shell import Run, Tab, in_a_shell

LAB = Run(
    "import labkit as lk\n"
    "lab = lk.Lab()\n"
    "client, server = lab.cable()\n"
    "path = lab.echo_server(server, ['10.0.0.2/24'])\n"
    "labs = {'one': lab}\n"
)


@pytest.mark.parametrize("jedi", [True, False])
def test_public_names_alone(jedi: bool) -> None:
    code = ["lk.", "lk.dut.", "lk.sources.", "lk.xstats."]
    found = in_a_shell(Run("import labkit as lk"), *(Tab(start, jedi) for start in code))[1:]
    for start, module, offered in zip(
        code, (lk, lk.dut, lk.sources, lk.xstats), found, strict=True
    ):
        assert sorted(offered) == sorted(f"{start}{name}" for name in module.__all__)


@pytest.mark.parametrize("jedi", [True, False])
def test_names_of_a_lab(jedi: bool) -> None:
    wanted = {
        "lab.ports['cl": ["lab.ports['client"],
        "lab.paths['": ["lab.paths['echo:server"],
        "path.drops['drop_arp_": [
            f"path.drops['{name}" for name in drop_nodes() if name.startswith("drop_arp_")
        ],
        "lab.paths['echo:server'].ledger.drops[\"drop_tx_f": [
            "lab.paths['echo:server'].ledger.drops[\"drop_tx_full"
        ],
        "labs['one'].ports['se": ["labs['one'].ports['server"],
        "path.counters.no": ["path.counters.nodes"],
        "path.counters.nodes['udp": ["path.counters.nodes['udp_echo"],
        "client.info.link_s": ["client.info.link_speed_mbps"],
        "path.table['cycles_": ["path.table['cycles_per_packet"],
        "lab.port('ri": ["lab.port('ring"],
        "x = lab.port(device=\"nu": ["x = lab.port(device=\"null"],
        "lk.watch(lab, 'port/client/rx_good_p": ["lk.watch(lab, 'port/client/rx_good_packets"],
        "lk.record(\n    lab,\n    'a',  # (\n    'rx_good_p": [
            "lk.record(\n    lab,\n    'a',  # (\n    'rx_good_packets"
        ],
        "lk.load('datasets/udp_echo_ec2": [
            "lk.load('datasets/udp_echo_ec2",
        ],
        "lk.sources.Recording('datasets/incident_v": [
            "lk.sources.Recording('datasets/incident_virtio_tx_stall.parquet"
        ],
        "lk.dashboard(lab, 'po": ["lk.dashboard(lab, 'pools", "lk.dashboard(lab, 'ports"],
        "lk.search(client, [1, 2], preset='q": ["lk.search(client, [1, 2], preset='quick"],
        "lk.search(client, 1, goals=['NDR', 'P": ["lk.search(client, 1, goals=['NDR', 'PDR"],
        "lk.decap(t, '": ["lk.decap(t, 'drop", "lk.decap(t, 'pass"],
        "lk.Vxlan(strictness='r": ["lk.Vxlan(strictness='rfc"],
        "lk.xstats.describe('rx_missed_e": ["lk.xstats.describe('rx_missed_errors"],
        "client.xstats()['rx_miss": ["client.xstats()['rx_missed_errors"],
        "lab.counters()['echo:server'].nodes['udp": [
            "lab.counters()['echo:server'].nodes['udp_echo"
        ],
        "lk.rx('": ["lk.rx('client", "lk.rx('server"],
        "lk.rx(client) >> lk.tx(port=\"se": ["lk.rx(client) >> lk.tx(port=\"server"],
    }  # fmt: skip
    found = in_a_shell(LAB, *(Tab(code, jedi) for code in wanted))[1:]
    for (code, offers), offered in zip(wanted.items(), found, strict=True):
        own = [one for one in offered if not one.endswith("/")]  # files of the working directory
        assert sorted(own) == sorted(offers), code


def test_kinds_of_ports_and_interfaces() -> None:
    offered = in_a_shell(Run("import labkit as lk\nlab = lk.Lab()"), Tab("lab.port('"))[1]
    kinds = {"ring", "null", "pcap:", "memif:", "tap:", "pci:", "af_packet:lo", "af_xdp:lo"}
    assert {f"lab.port('{kind}" for kind in kinds} <= set(offered)
    assert all(one.startswith("lab.port('") for one in offered)
    assert not any("%" in one for one in offered), "no magics"


def test_other_code_is_left_alone() -> None:
    class Trap:
        @property
        def value(self) -> int:
            raise AssertionError("a property of another's object was asked")

    completions = Completions({"trap": Trap(), "lk": lk, "d": {"k": 1}})
    for code in (
        "trap.value.",
        "print('x",
        "foo('",
        "nothing.drops['",
        "x = [1, 'a",
        "lk.",
        "'",
        "",
    ):
        assert completions.of(code)[0] == [], code
    assert completions.of("d['")[0] == ["k"]
    assert completions.of("lk.nothing('")[0] == []
    assert completions.of("lk.echo(1, 2, 3, 4, '")[0] == []


SOURCE = """
class Source:
    def sample(self) -> list[int]:
        raise AssertionError("what a recording gives next was taken")
    def counters(self) -> dict[str, int]:
        return {"reads": 5}
    def more(self, of: str) -> dict[str, int]:
        return {of: 5}
"""


def test_only_what_gives_a_dictionary_is_called() -> None:
    space: dict[str, Any] = {"__name__": "labkit.here"}
    exec(SOURCE, space)
    completions = Completions({"source": space["Source"]()})
    assert completions.of("source.counters()['")[0] == ["reads"]
    for code in ("source.sample()['", "source.more()['", "source.more('x')['", "foo().bar()['"):
        assert completions.of(code)[0] == [], code


@pytest.mark.parametrize(
    ("code", "brackets", "quote"),
    [
        ("f(a, [1, 'x", "([", 9),
        ("f('(') + g(", "(", None),
        ("f('it\\'s', \"", "(", 11),
        ("# f('\ng(", "(", None),
        (")]f(", "(", None),
    ],
)
def test_what_is_open(code: str, brackets: str, quote: int | None) -> None:
    found = Unfinished(code)
    assert "".join(bracket.sign for bracket in found.brackets) == brackets
    assert found.quote == quote
