# SPDX-License-Identifier: BSD-3-Clause
"""Numbers as people read them: never 1e+06 among 100,000, and what differs looks different."""

import ast
import re
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from labkit.figure.picture import load_axis, number_axis
from labkit.units import plain, si_load

PACKAGE = Path(__file__).parents[2] / "labkit"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (0.12, "0.12"),
        (0.19, "0.19"),
        (0.00012, "0.00012"),
        (1.5e-7, "0.00000015"),
        (353.8333, "353.8"),
        (99.996, "100"),
        (999.96, "1,000"),
        (1e6, "1,000,000"),
        (12345.678, "12,346"),
        (-0.029, "-0.029"),
        (14_880_952.38, "14,880,952"),
        (2**64 - 1, "18,446,744,073,709,551,615"),
        (1e15, "1,000,000,000,000,000"),
        (float("inf"), "inf"),
    ],
)
def test_a_number_is_written_out(value: float, text: str) -> None:
    assert plain(value) == text


@pytest.mark.parametrize("power", range(-9, 19))
def test_no_power_of_ten_has_an_exponent(power: int) -> None:
    for value in (10.0**power, 1.234 * 10.0**power):
        assert not re.search(r"\de", plain(value) + si_load(value))
        assert float(plain(value).replace(",", "")) == pytest.approx(value, rel=1e-3)


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 3e6), (1_000_000, 1_000_004), (1e-7, 2e-7), (999_990, 1_000_010), (0, 1e12)],
)
def test_ticks_are_written_out_and_told_apart(low: float, high: float) -> None:
    for dress in (load_axis, number_axis):
        axes = Figure().subplots()
        axes.set_ylim(low, high)
        dress(axes.yaxis)
        texts = [label.get_text() for label in axes.get_yticklabels()]
        assert len(set(texts)) == len(texts) > 2
        assert not any(re.search(r"\de|×", text) for text in texts)
        assert axes.yaxis.get_major_formatter().get_offset() == ""


def test_ticks_of_a_logarithmic_axis_are_written_out() -> None:
    axes = Figure().subplots()
    axes.set(yscale="log", ylim=(0.01, 1e7))
    number_axis(axes.yaxis)
    assert {"0.01", "100", "1,000,000"} <= {t.get_text() for t in axes.get_yticklabels()}


def test_no_text_is_written_with_an_exponent() -> None:
    """Formats such as :g turn a million into 1e+06; a constant's are known to stay below."""
    found = []
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not (isinstance(node, ast.FormattedValue) and node.format_spec):
                continue
            names = [part.id for part in ast.walk(node.value) if isinstance(part, ast.Name)]
            is_constant = all(name.isupper() for name in names)
            if re.search(r"[ge]'$", ast.unparse(node.format_spec)) and not is_constant:
                found.append(f"{file.relative_to(PACKAGE)}: {ast.unparse(node.value)}")
    # units.py is what writes numbers; a baseline and a view keep them, rounded, as data
    kept = ("units.py", "notebooks/report/baseline.py", "widgets/view.py")
    assert [line for line in found if not line.startswith(kept)] == []
