# SPDX-License-Identifier: BSD-3-Clause
"""What a notebook shows of labkit's errors: the message and where, in one line."""

from tests.notebooks.shell import Run, in_a_shell


def test_an_error_is_one_line() -> None:
    steps = in_a_shell(
        Run("import labkit as lk"),
        Run("x = 1\nlk.trail"),
        Run("def f():\n    return lk.Rate('fast')\n"),
        Run("\n\nf()"),
        Run("%tb"),
        Run("%tb Verbose"),
        Run("lk.Vxlan(vnni=4)"),
        Run("lk.explain('hello')"),
        Run("1 / 0"),
    )
    name, _, rate, again, whole, call, frame, other = steps[1:]
    assert name == (
        "UnknownName: module 'labkit' has no attribute 'trail'; did you mean 'trial'? "
        "(In[2], line 2)"
    )
    assert rate == (
        "LabError: value is 'fast'; it is a number; Rate.parse reads texts such as '70 kpps' "
        "(In[3], line 2)"
    )
    assert again == rate
    assert len(whole.splitlines()) > 10
    assert "lk.Rate('fast')" in whole
    assert whole.splitlines()[-1] == "causes, and what to do: labkit docs LabError"
    assert call.startswith("CallError: ")
    assert "did you mean 'vni'? (In[7], line 1)" in call
    assert frame.startswith("LabError: frame is 'hello'; a frame is a scapy packet or bytes")
    assert "\n" not in call + frame
    assert len(other.splitlines()) > 4, "what labkit does not mean has its traceback"


def test_an_engine_that_died_still_shows_its_log() -> None:
    shown = in_a_shell(
        Run("import labkit as lk"),
        Run("raise lk.EngineDied('SIGSEGV', node='p/n', log=('one', 'two'))"),
        Run("e = lk.LabError('no')\ne.add_note('12 trials are kept')\nraise e"),
        Run("lk.Vxlan(vni=1, local='10.0.0.1', remote='10.0.0.2').decap(b'')"),
    )
    assert shown[1].splitlines() == [
        "EngineDied: the engine died: SIGSEGV in node p/n; lab.restart() rebuilds its ports and "
        "paths (In[2], line 1)",
        "last lines of the engine's log:",
        "  one",
        "  two",
        "causes, and what to do: labkit docs EngineDied",
    ]
    assert shown[2].splitlines() == ["LabError: no (In[3], line 3)", "12 trials are kept"]
    assert shown[3].endswith("\ncauses, and what to do: labkit docs drop_outer_eth_truncated")
