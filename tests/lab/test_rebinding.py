# SPDX-License-Identifier: BSD-3-Clause
"""A name that gets another lab ends the one it had; labs that something else holds stay."""

import gc
import os
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import pytest

import labkit as lk
from labkit.lab import open_labs
from labkit.lab.rebinding import names_of_labs
from tests.patience import wait_until

ROOT = Path(__file__).parents[2]
BEGIN = "import gc, labkit as lk\nfrom labkit.lab import open_labs\n"


def engines_left(code: str, folder: Path) -> tuple[int, str]:
    """How many engines run at the end of a program; what it said."""
    file = folder / "program.py"
    end = "\nprint('left', len(open_labs.labs))"
    file.write_text(BEGIN + textwrap.dedent(code) + end)
    ran = subprocess.run(
        [sys.executable, file],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout.split("left ")[1].split()[0]), ran.stdout + ran.stderr


SET_UP = """
lab = lk.Lab()
client, server = lab.cable()
path = lab.run(lk.rx(server) >> lk.reflect() >> lk.tx(server))
socket = client.socket()
"""


def notebook_engines(*cells: str) -> list[str]:
    """Runs cells as a notebook does; what the last one prints, line by line."""
    code = f"""
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()
        for cell in {cells!r}:
            shell.run_cell(cell, store_history=True).raise_error()
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.splitlines()


COUNT = "from labkit.lab import open_labs; print('left', len(open_labs.labs))"


def test_set_up_cell_that_runs_again_leaves_one_engine() -> None:
    set_up = f"import labkit as lk\n{SET_UP}lab"  # which is shown, so that Out holds it
    lines = notebook_engines(*[set_up] * 3, COUNT)
    assert lines[-1] == "left 1"
    assert sum("gets another lab, and the engine" in line for line in lines) == 2


@pytest.mark.parametrize(
    "cell",
    [
        "%%time\nlab = lk.Lab()",
        "lab, n = lk.Lab(), 1",
        "lab: object = lk.Lab()",
        "def make():\n    lab = lk.Lab()\n    return lab, *lab.cable()\nlab, a, b = make()",
        "labs = globals().get('labs', {})\nlabs['one'] = lk.Lab()",
    ],
)
def test_however_it_is_bound(cell: str) -> None:
    assert notebook_engines("import labkit as lk", *[cell] * 3, COUNT)[-1] == "left 1"


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("first = lab = lk.Lab()\nlab = lk.Lab()", 2),
        ("labs = []\nfor _ in range(2):\n    lab = lk.Lab()\n    labs.append(lab)", 2),
        ("lab = lk.Lab()\ndef work():\n    lab = lk.Lab()\n    lab.close()\nwork()", 1),
        ("lab = lk.Lab()\ndef pair(lab):\n    return lab, lk.Lab()\nlab, b = pair(lab)", 2),
        ("lab = lk.Lab()\ndef more():\n    lk.Lab().close()\n    return lab\nlab = more()", 1),
        ("for _ in range(4):\n    lab = lk.Lab()", 1),
        ("for _ in range(3):\n    with lk.Lab() as lab:\n        pass", 0),
        ("class Bench:\n    pass\nb = Bench()\nfor _ in range(3):\n    b.lab = lk.Lab()", 1),
        (f"for _ in range(2):\n{textwrap.indent(SET_UP, '    ')}\ndel lab, client, server, path, "
         "socket\nnew = lk.Lab()", 1),
    ],
)  # fmt: skip
def test_what_is_held_elsewhere_lives_on(code: str, count: int, tmp_path: Path) -> None:
    assert engines_left(code, tmp_path)[0] == count


def test_held_without_a_name_is_told(tmp_path: Path) -> None:
    count, said = engines_left("lab = lk.Lab()\nheld = [lab]\nlab = lk.Lab()", tmp_path)
    assert count == 2
    assert "still runs, because something else holds it; lk.labs() ends it" in said


def test_a_new_lab_is_made_at_once_beside_much_data(
    lab: lk.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To look for who refers to something is to go through all of memory."""
    held = [[{"lab": lab, "n": n}] for n in range(90)]
    seen: list[int] = []
    look = gc.get_referrers
    monkeypatch.setattr(gc, "get_referrers", lambda *things: seen.append(0) or look(*things))
    other = held[0]
    other = lk.Lab()  # type: ignore[assignment]
    assert lab.is_alive
    assert 0 < len(seen) < 20
    other.close()  # type: ignore[attr-defined]


def test_more_engines_than_cpus_are_told(lab: lk.Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labkit.lab.rebinding.usable_cpus", lambda: (0,))
    with pytest.warns(
        UserWarning, match=r"2 engines run here, more than there are CPUs \(1\)"
    ) as w:
        another = lk.Lab()
    another.close()
    (said,) = (str(one.message) for one in w if one.category is UserWarning)
    assert str(lab.pid) in said
    assert "lk.labs()" in said
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monkeypatch.setattr("labkit.lab.rebinding.usable_cpus", lambda: (0, 1))
        lk.Lab().close()


def test_labs_are_listed_and_ended(lab: lk.Lab) -> None:
    lab.cable("left", "right")
    another = lk.Lab()
    found = lk.labs()
    assert (len(found), list(found), found[-1]) == (2, [lab, another], another)
    lines = repr(found).splitlines()
    assert " ".join(lines[0].split()) == "lab engine state ports paths CPUs of workers"
    assert f"{lab.pid}" in lines[1]
    assert "left, right" in lines[1]
    for one in found:
        one.close()
    assert repr(lk.labs()) == "no lab is open in this kernel"
    assert not open_labs.labs
    wait_until(lambda: not names_of_labs())
