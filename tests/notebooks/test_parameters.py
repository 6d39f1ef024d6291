# SPDX-License-Identifier: BSD-3-Clause
"""Typed parameters: declared in a notebook, read without running it, refused by name."""

from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest

import labkit as lk
from labkit.notebooks.source import read_notebook
from tests.notebooks.making import labkit, notebook

DECLARATION = """
import labkit as lk
%matplotlib inline
lk.params(
    rate=lk.param("700 kpps", "offered load", low="1 kpps", high="10 Mpps"),
    sizes=lk.param((64, 1400), "frame sizes in bytes", low=64, high=9000),
    duration=2.0,
    preset=lk.param("quick", choices=("quick", "rfc2544")),
    verbose=False,
    anything=None,
)
"""


def test_values_of_a_command_line_get_their_types(tmp_path: Path) -> None:
    source = read_notebook(notebook(tmp_path / "nb.ipynb", DECLARATION))
    given = {
        "rate": "1 Mpps",
        "sizes": "[64, 512]",
        "duration": "3",
        "preset": "rfc2544",
        "verbose": "true",
        "anything": "{'a': 1}",
    }
    values = source.values(given)
    assert values == {
        "rate": "1 Mpps",
        "sizes": [64, 512],
        "duration": 3.0,
        "preset": "rfc2544",
        "verbose": True,
        "anything": {"a": 1},
    }
    assert isinstance(values["duration"], float)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("rate", "700", "rate is '700'; it is a text with a number and the unit pps such as"),
        ("rate", "5 s", "rate is '5 s'; it is a text with a number and the unit pps such as"),
        ("rate", "1,0 kpps", "in '1,0' a comma sets three digits apart, as in 70,000"),
        ("rate", "1 Mpsp", "'Mpsp' is no unit; units are pps, with prefixes such as k and M; did"),
        ("rate", "20 Mpps", "rate is '20 Mpps'; the range is 1 kpps to 10 Mpps"),
        ("anything", "{1, 2}", "anything is {1, 2}; it is a number, a text, True, False, None,"),
        ("anything", "[b'x']", "anything is b'x'; it is a number"),
        ("anything", "1j", "anything is 1j; it is a number"),
        ("anything", "...", "anything is Ellipsis; it is a number"),
        ("anything", "{'a': {1: 2}}", "anything has the key 1; a key is a text"),
        ("duration", "1e999", "duration is inf; it is a number"),
        ("sizes", "64", "sizes is 64; it is a list such as [64, 1400]"),
        ("sizes", "[64, 'a']", "sizes is 'a'"),
        ("sizes", "[64, 63]", "sizes is 63; the range is 64 to 9000"),
        ("duration", "long", "duration is 'long'; it is a number such as 2.0"),
        ("preset", "slow", "preset is 'slow'; the choices are: quick, rfc2544"),
        ("verbose", "1", "verbose is 1; it is true or false such as False"),
        (
            "sises",
            "[64]",
            "has no parameter 'sises' (there are: rate, "
            "sizes, duration, preset, verbose, anything); did you mean 'sizes'?",
        ),
    ],
)
def test_wrong_values_are_refused_by_name(
    name: str, value: str, reason: str, tmp_path: Path
) -> None:
    source = read_notebook(notebook(tmp_path / "nb.ipynb", DECLARATION))
    with pytest.raises(lk.ParameterError) as refused:
        source.values({name: value})
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("default", "value"),
    [
        ("700 kpps", "70,000 pps"),
        ("700 kpps", "70_000 pps"),
        ("10 Gbit/s", "25 Gbps"),
        ("10 Gbit/s", "1 Gbit/s L1"),
        ("50 %", "12.5%"),
        ("1 s", "20 ms"),
    ],
)
def test_a_unit_is_asked_for_as_lk_rate_reads_it(default: str, value: str) -> None:
    assert lk.param(default).parse("rate", value) == value
    with pytest.raises(lk.ParameterError, match=r"rate is '10 Gbs'; it is a text with a number"):
        lk.param(default).parse("rate", "10 Gbs")
    with pytest.raises(lk.ParameterError, match="rate is '7 B'; it is a text with a number"):
        lk.param(default).parse("rate", "7 B")


def test_a_wrong_default_is_an_error_of_the_notebook() -> None:
    with pytest.raises(lk.ParameterError, match="count is 0; the range is 1 or more"):
        lk.params(count=lk.param(0, low=1))


def test_a_computed_default_cannot_be_read(tmp_path: Path) -> None:
    path = notebook(tmp_path / "nb.ipynb", "import labkit as lk\nlk.params(count=10 ** 6)")
    with pytest.raises(lk.ParameterError, match=r"count=10 \*\* 6, which cannot be known"):
        _ = read_notebook(path).parameters


def test_a_plain_parameters_cell_is_strict_too(tmp_path: Path) -> None:
    cell = 'count = 5  # datagrams\nwindow: int = 1\nwhere = "a" + "b"\nfor i in range(3): pass'
    path = notebook(tmp_path / "nb.ipynb", cell, cell_tags={0: "parameters"})
    source = read_notebook(path)
    assert {n: (p.default, p.help) for n, p in source.parameters.items()} == {
        "count": (5, "datagrams"),
        "window": (1, ""),
        "where": (None, ""),
    }
    with pytest.raises(lk.ParameterError, match="window is 'wide'; it is a whole number"):
        source.values({"window": "wide"})


def test_params_sets_variables_and_shows_a_table() -> None:
    names: dict[str, Any] = {"lk": lk}
    exec("table = lk.params(count=lk.param(5, 'datagrams', low=1), rate='7 kpps')", names)
    assert (names["count"], names["rate"]) == (5, "7 kpps")
    assert "count = 5  datagrams. Range: 1 or more" in repr(names["table"])
    assert "<td" in names["table"]._repr_html_()


def test_labkit_and_papermill_set_the_same(tmp_path: Path) -> None:
    path = notebook(
        tmp_path / "nb.ipynb",
        "import labkit as lk\nlk.params(count=5, sizes=(64,))",
        "lk.check((count, sizes) == (7, [1, 2]), 'set')\nlk.checks()",
        cell_tags={0: "parameters"},
    )
    ran = labkit("run", path, "-p", "count", "7", "-p", "sizes", "[1, 2]", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    given = {"count": 7, "sizes": [1, 2]}
    papermill.execute_notebook(path, tmp_path / "out.ipynb", given, progress_bar=False)


def test_the_tag_of_papermill_is_not_needed(tmp_path: Path) -> None:
    path = notebook(
        tmp_path / "nb.ipynb",
        "import labkit as lk",
        "lk.params(count=5)",
        "lk.check(count == 7, 'set')",
    )
    ran = labkit("run", path, "-p", "count", "7", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "parameters" not in str(nbformat.read(path, 4).cells[1].metadata)


def test_help_lists_parameters(tmp_path: Path) -> None:
    path = notebook(tmp_path / "nb.ipynb", DECLARATION)
    ran = labkit("run", path, "--help-notebook", cwd=tmp_path)
    assert "rate     = '700 kpps'  offered load. Range: 1 kpps to 10 Mpps" in ran.stdout


def test_a_parameter_goes_to_the_notebooks_that_have_it(tmp_path: Path) -> None:
    declared = "import labkit as lk\nlk.params(count=5)"
    notebook(tmp_path / "all/one.ipynb", declared, "lk.check(count == 7, 'set')")
    notebook(tmp_path / "all/two.ipynb", "a = 1")
    assert labkit("run", "all", "-p", "count", "7", cwd=tmp_path).returncode == 0
    ran = labkit("run", "all", "-p", "size", "7", cwd=tmp_path)
    assert ran.returncode == 2
    assert "none of these notebooks has a parameter 'size' (they have: count)" in ran.stderr
