# SPDX-License-Identifier: BSD-3-Clause
"""Names that are not there are told with those that are."""

import copy
import json
import pickle
import re
from types import ModuleType

import pytest

import labkit as lk
from labkit import sources
from labkit.arguments.names import Named
from labkit.errors import UnknownName
from labkit.path.drops import Drops, drop_nodes
from labkit.text import alike, near


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("trail", ["trial", "trace", "echo"], ["trial"]),
        ("echo", ["rx", "echo:server"], ["echo:server"]),
        ("rings", ["ring", "null"], ["ring"]),
        ("TRIAL", ["trial"], ["trial"]),
        ("rx_packets", ["port/a/rx_packets", "port/b/tx_errors"], ["port/a/rx_packets"]),
        ("zz", ["trial", "echo"], []),
        ("", ["trial"], []),
        (5, ["trial"], []),
        (None, ["None"], ["None"]),
        ("a", [], []),
    ],
)  # fmt: skip
def test_what_may_be_meant(word: object, known: list[str], meant: list[str]) -> None:
    assert alike(word, known) == meant


def test_long_lists_are_counted() -> None:
    assert near("b", ["a", "c"]) == " (there are: a, c)"
    assert near("x", []) == " (there are: none)"
    many = [f"counter{n}" for n in range(100)]
    assert near("countr77", many) == " among 100; did you mean 'counter77' or 'counter7'?"
    assert near("count", many) == " among 100; did you mean 'counter9', 'counter8' or 'counter7'?"
    assert near("zz", many) == " among 100, such as 'counter0', 'counter50' and 'counter99'"


@pytest.mark.parametrize(
    ("module", "name", "meant"),
    [
        (lk, "trail", "trial"),
        (lk, "stream", "Stream"),
        (lk.dut, "Testpm", "Testpmd"),
        (sources, "Ethtol", "Ethtool"),
        (lk.xstats, "normalize", "normalise"),
    ],
)
def test_names_of_the_package(module: ModuleType, name: str, meant: str) -> None:
    says = f"module '{module.__name__}' has no attribute '{name}'; did you mean '{meant}'?"
    with pytest.raises(AttributeError, match=re.escape(says)) as missing:
        getattr(module, name)
    assert isinstance(missing.value, lk.LabError)


def test_what_is_not_there_is_not_there() -> None:
    assert not hasattr(lk, "nothing")
    assert not hasattr(lk, "__wrapped__")


def test_modules_tell_their_public_names_alone() -> None:
    for module in (lk, lk.dut, lk.sources, lk.xstats):
        assert sorted(dir(module)) == sorted(module.__all__)
        assert all(hasattr(module, name) for name in dir(module))


def test_named_things_are_a_dict() -> None:
    named = Named("port", {"client": 1, "server": 2})
    assert named == {"client": 1, "server": 2}
    assert named["client"] == 1
    assert named.get("x") is None
    assert "x" not in named
    assert json.loads(json.dumps(named)) == named
    assert named._ipython_key_completions_() == ["client", "server"]
    with pytest.raises(KeyError) as missing:
        named["clent"]
    assert str(missing.value) == (
        "there is no port 'clent' (there are: client, server); did you mean 'client'?"
    )
    for again in (pickle.loads(pickle.dumps(named)), copy.deepcopy(named), copy.copy(named)):
        assert again == named
        assert again.what == "port"
    error = pickle.loads(pickle.dumps(missing.value))
    assert (type(error), str(error)) == (UnknownName, str(missing.value))


def test_drop_nodes_that_have_none_are_0() -> None:
    drops = Drops("drop node", {"drop_tx_full": 3})
    assert drops == {"drop_tx_full": 3}
    assert drops["drop_tx_full"] == 3
    assert drops["drop_udp_bad_checksum"] == 0
    assert drops == {"drop_tx_full": 3}, "asking adds none"
    with pytest.raises(UnknownName, match=r"did you mean 'drop_udp_bad_checksum'\?"):
        drops["drop_udp_bad_checksm"]
    assert set(drops._ipython_key_completions_()) == set(drop_nodes())
    assert lk.Ledger(5, 5, 2, {"drop_tx_full": 3}).drops["drop_unhandled"] == 0
    summed = lk.Ledger(5, 5, 2, {"drop_tx_full": 3}) + lk.Ledger(1, 1, 1)
    with pytest.raises(UnknownName):
        summed.drops["drop_nothing"]


def test_names_of_a_lab(lab: lk.Lab) -> None:
    a, b = lab.cable()
    path = lab.echo_server(b, ["10.0.0.2/24"])
    for missing, meant in (
        (lambda: lab.paths["echo"], "echo:server"),
        (lambda: lab.ports["clint"], "client"),
        (lambda: lab.counters()["echo"], "echo:server"),
        (lambda: path.drops["drop_udp_no_listner"], "drop_udp_no_listener"),
        (lambda: path.ledger.drops["drop_udp_no_listner"], "drop_udp_no_listener"),
        (lambda: path.counters.nodes["udp_eco"], "udp_echo"),
        (lambda: a.xstats()["rx_god_packets"], "rx_good_packets"),
        (lambda: a.losses()["rx_missed"], "rx_missed_errors"),
        (lambda: lab.run(lk.rx("clint") >> lk.sink()), "client"),
    ):
        with pytest.raises(lk.LabError, match=f"did you mean '{meant}'"):
            missing()
    with sources.Engine(lab) as source:
        sample = source.sample()
        assert sample is not None
        with pytest.raises(KeyError, match="did you mean 'port/client/rx_good_packets'"):
            sample["port/client/rx_good_pakets"]
        with pytest.raises(lk.LabError, match="did you mean 'port/client/rx_good_packets'"):
            sample.as_dict()["port/client/rx_good_pakets"]
        assert "port/client/rx_good_packets" in sample._ipython_key_completions_()
