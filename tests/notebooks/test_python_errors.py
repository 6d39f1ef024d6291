# SPDX-License-Identifier: BSD-3-Clause
"""Python's own errors about labkit's names: one line in a notebook, with the near miss; those about
anything else are left alone."""

import pytest

from tests.notebooks.shell import Run, in_a_shell

SET_UP = """
import labkit as lk
lab = lk.Lab()
client, server = lab.cable()
path = lab.echo_server(server, ["10.0.0.2/24"])
tunnel = lk.Vxlan(vni=4, local="10.0.0.1", remote="10.0.0.2")
given = lk.params(size=64)
class Own:
    size = 5
    def method(self): pass
def inner(): return lab.nothing
"""
WRONG = {
    "from labkit import trail": (
        "ImportError: cannot import name 'trail' from 'labkit'; did you mean 'trial'?"
    ),
    "from labkit import trial, Streem": (
        "ImportError: cannot import name 'Streem' from 'labkit'; did you mean 'Stream'?"
    ),
    "from labkit.dut import Testpm": (
        "ImportError: cannot import name 'Testpm' from 'labkit.dut'; did you mean 'Testpmd'?"
    ),
    "import labkit.trail": (
        "ModuleNotFoundError: No module named 'labkit.trail'; did you mean 'trial'?"
    ),
    "import labkit.trial": (
        "ModuleNotFoundError: labkit.trial is no module; write `from labkit import trial`"
    ),
    "lab.prot": ("AttributeError: 'Lab' object has no attribute 'prot'; did you mean 'port'?"),
    "path.dorps": (
        "AttributeError: 'RunningPath' object has no attribute 'dorps'; did you mean 'drops'?"
    ),
    "lab.zzz": (
        "AttributeError: 'Lab' object has no attribute 'zzz'; TAB and dir() tell those that "
        "there are"
    ),
    "lab.ports.client": (
        "AttributeError: 'Named' object has no attribute 'client'; it is a key: ['client']"
    ),
    "lk.Lab.cabel": (
        "AttributeError: type object 'Lab' has no attribute 'cabel'; did you mean 'cable'?"
    ),
    "client.mtu = 1500": (
        "AttributeError: property 'mtu' of 'Port' object has no setter: it is told, not set"
    ),
    "tunnel.vni = 5": (
        "FrozenInstanceError: cannot assign to field 'vni'; make another one with the value "
        "that is to differ"
    ),
    "lab.close(1)": ("TypeError: Lab.close() takes 1 positional argument but 2 were given"),
    "client.receive(1, timout=2)": (
        "TypeError: Port.receive() got an unexpected keyword argument 'timout' (there are: "
        "count, timeout, raw); did you mean 'timeout'?"
    ),
    "lk.check(True, nmae='x')": (
        "TypeError: check() got an unexpected keyword argument 'nmae' (there are: condition, "
        "name, hint, answer); did you mean 'name'?"
    ),
    "lk.check()": (
        "TypeError: check() missing 2 required positional arguments: 'condition' and 'name'"
    ),
    "given['sizes']": (
        "UnknownName: there is no parameter 'sizes' (there are: size); did you mean 'size'?"
    ),
    "path.table['cyles']": (
        "UnknownName: there is no column 'cyles' (there are: node, calls, objects, cycles, "
        "cycles_per_packet); did you mean 'cycles'?"
    ),
    "path.table.cyles": (
        "UnknownName: a table has neither a column nor an attribute 'cyles' (there are: node,"
        " calls, objects, cycles, cycles_per_packet); did you mean 'cycles'?"
    ),
    "lk.labs()[7]": ("NoSuchLab: there is no lab 7: 1 lab can be had"),
    "lk.watch(lab, 'prt/*')": (
        "SourceError: no counter of 225 matches 'prt/*'; did you mean 'port/*'?"
    ),
}
NOT_OURS = ["Own().sise", "Own().method(x=5)", "Own.nothing", "from json import lods", "import jsn",
            "[].apend", "max(1, kye=5)", "lk.trial(client, None + 1)"]  # fmt: skip


def test_one_line_with_the_near_miss() -> None:
    shown = in_a_shell(Run(SET_UP), *map(Run, WRONG))[1:]
    for number, (code, says) in enumerate(WRONG.items()):
        assert shown[number] == f"{says} (In[{number + 2}], line 1)", code


def test_others_have_their_traceback() -> None:
    shown = in_a_shell(Run(SET_UP), *map(Run, NOT_OURS))[1:]
    for code, lines in zip(NOT_OURS, shown, strict=True):
        assert len(lines.splitlines()) > 4, code


def test_a_line_of_another_cell_is_told() -> None:
    shown = in_a_shell(Run(SET_UP), Run("inner()"))
    assert shown[1].startswith("AttributeError: 'Lab' object has no attribute 'nothing'; ")
    assert shown[1].endswith("(In[1], line 10)")


def test_the_whole_is_to_be_had() -> None:
    shown = in_a_shell(Run(SET_UP), Run("lab.prot"), Run("%tb Verbose"))
    assert len(shown[2].splitlines()) > 4


@pytest.mark.parametrize("first", [True, False])
def test_whoever_tells_errors_already_goes_on(first: bool) -> None:
    own = (
        "def told(shell, kind, error, trace, tb_offset=None):\n"
        "    shell._showtraceback(kind, error, [f'own: {error}'])\n"
        "get_ipython().set_custom_exc((AttributeError,), told)"
    )
    steps = [own, "import labkit as lk"] if first else ["import labkit as lk", own]
    shown = in_a_shell(*map(Run, steps), Run("lk.Lab.cabel"))
    assert shown[2] == "own: type object 'Lab' has no attribute 'cabel'"
