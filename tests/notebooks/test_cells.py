# SPDX-License-Identifier: BSD-3-Clause
"""Cells as people write them: magics, tags of Jupyter, notebooks that other tools wrote."""

import json
from functools import partial
from pathlib import Path

import nbformat
import pytest

import labkit as lk
from labkit.notebooks.source import find_notebooks, read_notebook
from tests.notebooks import making
from tests.notebooks.making import labkit, run_one

notebook = partial(making.notebook, measures=False)  # waits for no other run's CPUs

DECLARED = "import labkit as lk\nlk.params(count=5)"
NO_PYTHON = [
    "%%bash\nls params* | wc -l; if [ 1 ]; then echo lk.params; fi",
    "%%html\n<p>the params: <b>lk.params(</b></p>",
    "files = !ls params*",
    "dict?\n# params",
    "params = %who_ls\nlen??",
    "!echo {params}",
    "%env PARAMS=params",
    "%%writefile params.txt\nlk.params(oops=",
    "for params in [1]:\n    !echo $params\n    %time params",
    "params ==== 1",
    "%%js\nlet params = {a: 1};",
]


@pytest.mark.parametrize("cell", NO_PYTHON)
def test_magics_do_not_refuse_a_run(cell: str, tmp_path: Path) -> None:
    source = read_notebook(notebook(tmp_path / "nb.ipynb", cell, DECLARED))
    assert {name: p.default for name, p in source.parameters.items()} == {"count": 5}
    assert source.tagged()["cells"][1]["metadata"]["tags"] == ["parameters"]


@pytest.mark.parametrize(
    "cell",
    [
        f"%matplotlib inline\n{DECLARED}",
        f"files = !ls\n{DECLARED}",
        f"%%time\n{DECLARED}",
        f"%%capture out\n%matplotlib inline\n{DECLARED}",
    ],
)
def test_parameters_beside_magics_are_found(cell: str, tmp_path: Path) -> None:
    path = notebook(tmp_path / "nb.ipynb", cell, "lk.check(count == 7, 'set')")
    assert read_notebook(path).values({"count": "7"}) == {"count": 7}
    ran = labkit("run", path, "-p", "count", "7", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr


def test_a_tagged_cell_may_have_magics(tmp_path: Path) -> None:
    cell = "%config InlineBackend.figure_formats = ['svg']\nfiles = !ls\ncount = 5  # datagrams"
    path = notebook(tmp_path / "nb.ipynb", cell, cell_tags={0: "parameters"})
    found = read_notebook(path).parameters
    assert (found["count"].default, found["count"].help) == (5, "datagrams")


def test_a_declaration_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = notebook(tmp_path / "nb.ipynb", "lk.params(count=5")
    with pytest.raises(lk.LabError, match=r"nb.ipynb, cell 1: its parameters cannot be read"):
        _ = read_notebook(path).parameters


def with_tags(path: Path, tags: dict[int, str], *cells: str) -> Path:
    return notebook(path, *cells, cell_tags=tags)


def test_a_cell_may_raise_what_it_is_tagged_for(tmp_path: Path) -> None:
    cells = ("import labkit as lk", "1 / 0", "lk.check(True, 'goes on')")
    with_tags(tmp_path / "nb.ipynb", {1: "raises-exception"}, *cells)
    ran = labkit("run", "nb.ipynb", "--report", "out", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    kept = nbformat.read(tmp_path / "out/nb/nb.ipynb", as_version=4)
    assert [c.source for c in kept.cells] == list(cells), "no cells of papermill's"
    assert kept.cells[1].outputs[0].ename == "ZeroDivisionError"
    assert "ZeroDivisionError" in (tmp_path / "out/nb/report.html").read_text()


@pytest.mark.parametrize(
    ("tags", "cells", "ending"),
    [
        ({0: "raises-exception"}, ("1 / 0", "a = 1", "[][4]", "b = 2"), ("exception", 3)),
        ({0: "raises-exception"}, ("import sys; sys.exit(3)", "a = 1"), ("exit", 1)),
        ({1: "raises-exception"}, ("a = 1", "import sys; sys.exit(0)", "b = 2"), ("exit", 2)),
        ({0: "raises-exception"}, ("import time; time.sleep(99)", "a = 1"), ("time limit", 1)),
        ({0: "skip-execution"}, ("1 / 0", "a = 1", "[][4]"), ("exception", 2)),
    ],
)
def test_the_cell_that_failed_is_named(
    tags: dict[int, str], cells: tuple[str, ...], ending: tuple[str, int], tmp_path: Path
) -> None:
    path = with_tags(tmp_path / "nb.ipynb", tags, *cells)
    ran = labkit("run", path, "--report", "out", "--cell-limit", "3", cwd=tmp_path)
    assert ran.returncode == 1
    ended = lk.load(tmp_path / "out").notebooks[0]  # type: ignore[union-attr]
    assert (ended.reason, ended.cell) == ending
    assert f"[{ending[1]}]" in ended.message


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"kernelspec": {}},
        {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        {"kernelspec": None, "language_info": {"name": "python"}},
        {"language_info": {"file_extension": ".py"}},
        None,
    ],
)
def test_a_notebook_without_a_kernel_is_python(metadata: object, tmp_path: Path) -> None:
    path = notebook(tmp_path / "nb.ipynb", DECLARED, "lk.check(count == 7, 'set')")
    document = json.loads(path.read_text())
    document["metadata"] = metadata
    del document["cells"][1]["metadata"]
    path.write_text(json.dumps(document))
    ran = labkit("run", path, "-p", "count", "7", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    "document",
    [
        {"cells": [{"cell_type": "code"}]},
        {"cells": ["text"]},
        {"cells": [], "metadata": {"labkit": "ci"}},
        {"worksheets": []},
        {"nbformat": 3, "worksheets": 5},
        {"nbformat": 5, "cells": []},
        {"nbformat": "4", "cells": []},
        {"cells": [{"cell_type": "heading", "source": "h", "level": 1}]},
        {"cells": [{"cell_type": "code", "source": 5}]},
        {"cells": [{"cell_type": "code", "source": ["a", 5]}]},
        {"cells": [{"cell_type": "code", "source": "", "metadata": 5}]},
        {"cells": [{"cell_type": "code", "source": "", "metadata": {"tags": "parameters"}}]},
        {"cells": [{"cell_type": "code", "source": "", "metadata": {"tags": [None]}}]},
        {"cells": [], "metadata": 5},
        {"cells": [], "metadata": {"kernelspec": 5}},
        {"cells": [], "metadata": {"kernelspec": {"name": 5}}},
        {"cells": [], "metadata": {"labkit": {"tags": "ci"}}},
        {"cells": [], "metadata": {"labkit": {"tags": 5}}},
        {"cells": [], "metadata": {"labkit": {"measures": "no"}}},
        [],
        None,
    ],
)
def test_what_is_no_notebook_is_told(document: object, tmp_path: Path) -> None:
    (tmp_path / "nb.ipynb").write_text(json.dumps(document))
    ran = labkit("run", "nb.ipynb", "--tag", "ci", cwd=tmp_path)
    assert ran.returncode == 2
    assert ran.stderr.startswith("Error: nb.ipynb")
    assert "Traceback" not in ran.stderr


def test_a_notebook_named_twice_runs_once(tmp_path: Path) -> None:
    path = notebook(tmp_path / "x/nb.ipynb", "a = 1")
    other = notebook(tmp_path / "a.ipynb", "a = 1")
    (tmp_path / "link.ipynb").symlink_to(path)
    found = find_notebooks((path, tmp_path / "x", tmp_path / "x/../x/nb.ipynb", other))
    assert found == [path, other]


def test_text_that_is_no_character_is_kept(tmp_path: Path) -> None:
    cell = (
        "import labkit as lk\nprint('\\ud800 \\x00')\n"
        "lk.check(False, 'half \\ud83d and \\x1b[31mred\\x1b[0m \\x00 \\ufffe', hint='\\ud800')\n"
        "lk.record_result('half \\ud800', 1.0)"
    )
    ended = run_one(tmp_path, cell)
    assert ended.status == "failed", ended.message
    assert ended.checks[0].name.startswith("half \\ud83d and")
    assert {p.name for p in (tmp_path / "out").iterdir()} >= {"junit.xml", "index.html"}


OLD = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {"name": ""},
    "worksheets": [
        {
            "metadata": {},
            "cells": [
                {"cell_type": "heading", "level": 1, "metadata": {}, "source": ["Old"]},
                {
                    "cell_type": "code",
                    "input": ["import labkit as lk\n", "lk.check(True, 'it runs')"],
                    "collapsed": False,
                    "language": "python",
                    "metadata": {},
                    "outputs": [],
                },
            ],
        }
    ],
}


def test_a_notebook_of_an_older_format_runs(tmp_path: Path) -> None:
    """With the mark in front that editors of Windows leave, too."""
    (tmp_path / "old.ipynb").write_text(json.dumps(OLD), encoding="utf-8-sig")
    ran = labkit("run", "old.ipynb", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "checks: 1 of 1 passed" in ran.stderr
