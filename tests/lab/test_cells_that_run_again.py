# SPDX-License-Identifier: BSD-3-Clause
"""A cell that runs again ends the labs of its earlier run that nobody can use any more, whatever
held them; those that code collects live on. In a real kernel."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

ROOT = Path(__file__).parents[2]
BEGIN = """
%reset -f
import labkit as lk
from labkit.lab import open_labs
for lab in lk.labs():
    lab.close()
"""
BENCH = """
class Bench:
    def __init__(self):
        self.lab = lk.Lab()
"""


class Notebook:
    """A kernel, and what its cells have printed."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client
        self.said = ""

    def begin(self) -> "Notebook":
        self.run(BEGIN)
        self.said = ""
        return self

    def run(self, code: str, cell: str | None = None) -> None:
        """cell: its identifier, as JupyterLab gives it"""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
        content |= {"allow_stdin": False, "stop_on_error": True}
        metadata = {} if cell is None else {"cellId": cell}
        session = self._client.session
        message = session.msg("execute_request", content, metadata=metadata)
        self._client.shell_channel.send(message)
        while True:
            told = self._client.get_iopub_msg(timeout=120)
            if told["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            said = told["content"]
            assert told["msg_type"] != "error", said
            self.said += said.get("text", "")
            if said.get("execution_state") == "idle":
                return

    @property
    def engines(self) -> int:
        self.said, kept = "", self.said
        self.run("print(len(open_labs.labs))")
        self.said, count = kept, int(self.said)
        return count


@pytest.fixture(scope="module")
def kernel() -> Iterator[Notebook]:
    manager, client = start_new_kernel(cwd=str(ROOT))
    yield Notebook(client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture
def notebook(kernel: Notebook) -> Notebook:
    return kernel.begin()


@pytest.mark.parametrize(
    ("cell", "count"),
    [
        ("labs = [lk.Lab() for _ in range(2)]", 2),
        ("labs = [lk.Lab() for _ in range(2)]\nlabs", 2),
        ("labs = {n: lk.Lab() for n in 'ab'}", 2),
        ("labs = {'x': [lk.Lab()], 'y': (lk.Lab(), 5)}", 2),
        ("def make():\n    return [lk.Lab() for _ in range(2)]\nlabs = make()", 2),
        (f"{BENCH}\nbenches = [Bench() for _ in range(2)]", 2),
        ("labs = {}\nlabs['a'] = lk.Lab()\nlabs", 1),
        ("labs = {}\nlabs['a'] = lk.Lab()\nclient, server = labs['a'].cable()\nlabs['a']", 1),
        ("labs = []\nfor _ in range(2):\n    lab = lk.Lab()\n    labs.append(lab)\nlabs", 2),
        ("[lk.Lab() for _ in range(2)]", 2),
        ("lk.Lab()", 1),
        ("lab = lk.Lab()\npair = [lab, lab.cable()]", 1),
        ("for _ in range(2):\n    lab = lk.Lab()\n    ports = lab.cable()", 1),
        ("labs = [lk.Lab() for _ in 'ab']\nfor lab in labs:\n    display(lk.dashboard(lab))", 2),
    ],
)  # fmt: skip
def test_labs_of_the_run_before_end(notebook: Notebook, cell: str, count: int) -> None:
    for _ in range(3):
        notebook.run(cell)
        assert notebook.engines == count
    assert "still runs" not in notebook.said
    assert notebook.said.count("was ended") >= 2 * count


@pytest.mark.parametrize(
    "cell",
    [
        "client, server = lk.Lab().cable()",
        "port = lk.Lab().port('ring')",
        "class Bench:\n    lab = lk.Lab()",
    ],
)
def test_a_lab_without_a_name_ends_with_what_it_was_made_for(notebook: Notebook, cell: str) -> None:
    for _ in range(3):
        notebook.run(cell)
        assert notebook.engines == 1


@pytest.mark.parametrize(
    ("first", "cell", "count"),
    [
        ("labs = []", "labs.append(lk.Lab())", 3),
        ("labs = []", "labs = labs + [lk.Lab()]", 3),
        ("labs = []", "lab = lk.Lab()\nlabs = [*labs, lab]", 3),
        ("labs = {}", "labs[len(labs)] = lk.Lab()", 3),
        ("labs = []\ndef add():\n    lab = lk.Lab()\n    labs.append(lab)", "add()", 3),
        ("import numpy as np\nlabs = np.array([], dtype=object)\ndef add():\n    new = lk.Lab()\n"
         "    return np.append(labs, new)", "labs = add()", 3),
        ("[]", "[*_, lk.Lab()]", 3),
        ("shown = []\nshown", "_ + [lk.Lab()]", 3),
        ("ports = []", "ports += lk.Lab().cable()", 3),
        ("ports = []", "for _ in range(3 - len(ports) // 2):\n    lab = lk.Lab()\n"
         "    ports += lab.cable()", 3),
        ("lab = None", "old = lab\nlab = lk.Lab()", 2),
        ("from functools import cache\n@cache\ndef of(n):\n    return lk.Lab()\nlast = 0",
         "last += 1\nlabs = [of(n) for n in range(last)]", 3),
        ("import threading\nend = threading.Event()\ndef work():\n    with lk.Lab():\n"
         "        begun.set()\n        end.wait()",
         "begun = threading.Event()\nthread = threading.Thread(target=work, daemon=True)\n"
         "thread.start(); begun.wait()\nlen(lk.labs())", 3),
    ],
)  # fmt: skip
def test_labs_that_code_collects_live_on(
    notebook: Notebook, first: str, cell: str, count: int
) -> None:
    notebook.run(first)
    for _ in range(3):
        notebook.run(cell)
    assert notebook.engines == count


def test_a_cell_that_was_edited_is_the_same_cell(notebook: Notebook) -> None:
    notebook.run("[lk.Lab() for _ in range(2)]", cell="a")
    notebook.run("[lk.Lab()]", cell="b")
    assert notebook.engines == 3
    notebook.run("# fewer\n[lk.Lab()]", cell="a")
    assert notebook.engines == 2
    assert notebook.said.count("that only Out holds since this cell ran before was ended") == 2


def test_labs_that_are_made_and_kept_in_one_run_are_not_told_of(notebook: Notebook) -> None:
    notebook.run("labs = []\nfor _ in range(2):\n    lab = lk.Lab()\n    labs.append(lab)")
    assert notebook.engines == 2
    assert "still runs" not in notebook.said
    notebook.run("lab = lk.Lab()")  # labs[1] was lab
    assert notebook.engines == 3
    assert "still runs, because something else holds it; lk.labs() ends it" in notebook.said


def test_labs_in_lists_have_names(notebook: Notebook) -> None:
    notebook.run("labs = [lk.Lab()]\nby_name = {'left': lk.Lab()}")
    notebook.run("from labkit.lab.rebinding import names_of_labs as names\nprint(names().values())")
    assert notebook.said.splitlines()[-1] == """dict_values(['labs[0]', "by_name['left']"])"""
