# SPDX-License-Identifier: BSD-3-Clause
"""What a notebook records while it runs: named checks and results."""

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from labkit.arguments.checked import EVERY, checked
from labkit.arguments.hints import is_many, is_real
from labkit.errors import LabError
from labkit.text import Html, bold, encodable, first_free, html_table, shown

if TYPE_CHECKING:
    import pandas as pd

# Set by a run for the notebook's kernel: the folder that records go to.
FOLDER_VARIABLE = "LABKIT_RUN_FOLDER"
RECORDS_FILE = "records.jsonl"

Status = Literal["passed", "failed", "open"]
Better = Literal["higher", "lower"]
MARKS = {"passed": "✓", "failed": "✗", "open": "·"}
COLORS = {"passed": "#00785a", "failed": "#b3261e", "open": "#57606a"}


@dataclass(frozen=True)
class Check:
    """A named check. `open`: the exercise it belongs to has no answer yet.

    Attributes
    ----------
    name: what is checked
    status: passed, failed or open
    expression: the condition as it is written
    values: what the condition's parts were, as text by their source; only of a check that failed
    hint: what to look at when it fails
    cell: the number of the execution it belongs to, as in [3]
    """

    name: str
    status: Status
    expression: str = ""
    values: dict[str, str] = field(default_factory=dict)
    hint: str = ""
    cell: int | None = None

    @property
    def message(self) -> str:
        """Why it failed."""
        lines = [self.expression] if self.expression else []
        lines += [f"{source} is {value}" for source, value in self.values.items()]
        return "\n".join(lines + ([self.hint] if self.hint else []))


@dataclass(frozen=True)
class Result:
    """A number that is compared from run to run.

    Attributes
    ----------
    name: what it is
    values: one number a repeat within the notebook
    unit: of the values, such as "Mpps"
    better: "higher", "lower", or None where neither is
    noise: standard deviation from one run to the next in `unit`, where it is known
    """

    name: str
    values: tuple[float, ...]
    unit: str = ""
    better: Better | None = None
    noise: float | None = None


class CheckList(list[Check]):
    """Checks, shown as a table."""

    @property
    def failed(self) -> list[Check]:
        """Those that failed."""
        return [check for check in self if check.status == "failed"]

    @property
    def tally(self) -> str:
        """How many of them passed, and how many exercises nobody answered; empty without any."""
        if not self:
            return ""
        passed = sum(check.status == "passed" for check in self)
        left = sum(check.status == "open" for check in self)
        return f"{passed} of {len(self)} passed" + (f", {left} not answered" if left else "")

    def __repr__(self) -> str:
        lines = []
        for check in self:
            lines.append(f"{MARKS[check.status]} {check.name}")
            if check.status != "passed":
                lines += [f"    {line}" for line in _remark(check).splitlines()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [
            (
                bold(f"{MARKS[check.status]} {check.status}", COLORS[check.status]),
                check.name,
                Html(f'<span style="white-space:pre-wrap">{escape(_remark(check))}</span>'),
            )
            for check in self
        ]
        return html_table((), rows)


class Recorder:
    """Checks and results of this process, and the file of a run that they go to."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.checks: dict[str, Check] = {}
        self.results: dict[str, Result] = {}
        self.tables: dict[str, str] = {}
        self.on_first_failure: list[Callable[[], None]] = []

    def add_check(self, check: Check) -> Check:
        """Keeps a check, and returns it as it is kept. One of the same name is replaced when its
        cell ran again."""
        check = _encodable(check)
        name, number = check.name, 1
        while name in self.checks and (self.folder or self.checks[name].cell == check.cell):
            number += 1
            name = f"{check.name} ({number})"
        check = replace(check, name=name)
        first = check.status == "failed" and not any(
            c.status == "failed" for c in self.checks.values()
        )
        self.checks[name] = check
        self._write("check", asdict(check))
        if first:
            for look in self.on_first_failure:
                look()
        return check

    def add_result(self, result: Result) -> None:
        """Keeps a result; a second one of its name in a run is an error."""
        if self.folder and result.name in self.results:
            raise LabError(
                f"result {result.name!r} was recorded already; give each its own name, or record "
                "repeats as one list"
            )
        result = replace(result, name=encodable(result.name))
        self.results[result.name] = result
        self._write("result", asdict(result))

    def add_table(self, name: str, table: "pd.DataFrame") -> None:
        """Stores a table in the run's folder; a second one of its name is an error."""
        if self.folder is None:
            return
        if name in self.tables:
            raise LabError(f"table {name!r} was recorded already; give each its own name")
        stem = first_free(_file_name(name), (Path(file).stem for file in self.tables.values()))
        try:
            table.to_parquet(self.folder / f"{stem}.parquet")
        except OSError:
            raise
        except Exception as error:  # pyarrow and pandas raise what they like
            raise LabError(
                f"table {name!r} cannot be stored: {error}; give its columns one type each"
            ) from None
        self.tables[name] = f"{stem}.parquet"
        self._write("table", {"name": name, "file": self.tables[name]})

    def _write(self, kind: str, record: dict[str, Any]) -> None:
        if self.folder is None:
            return
        # Written at once, so that a kernel that dies keeps what it had checked.
        line = json.dumps({"kind": kind, **record})
        with (self.folder / RECORDS_FILE).open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def _run_folder() -> Path | None:
    folder = os.environ.get(FOLDER_VARIABLE)
    return Path(folder) if folder else None


recorder = Recorder(_run_folder())


@checked(but=EVERY)
def record_result(
    name: str,
    value: "float | Sequence[float] | pd.DataFrame",
    unit: str = "",
    *,
    better: Better | None = None,
    noise: float | str | None = None,
) -> None:
    """Records a number that `labkit compare` and baselines compare from run to run.

    name: of the result, one of its kind in the notebook
    value: a number; a list of numbers, one a repeat; or a DataFrame, which is stored with the run
        as Parquet and compared with nothing
    unit: of the value, such as "Mpps"
    better: "higher" or "lower"; None: neither is, any difference beyond the noise is told
    noise: what the value's standard deviation from one run to the next is known to be, in `unit` or
        as "3 %" of the value; None: it is estimated from repeats
    """
    for key, text in (("name", name), ("unit", unit)):
        if not isinstance(text, str):
            raise LabError(f"result {name!r}: {key} is {text!r}; it is a text")
    if hasattr(value, "to_parquet"):
        recorder.add_table(name, cast("pd.DataFrame", value))
        return
    many = is_many(value) and not isinstance(value, (bytes, Mapping))
    sequence = cast("Iterable[float]", value if many else [value])
    values = tuple(_number(name, element) for element in sequence)
    if not values:
        raise LabError(f"result {name!r} has no value; record what was measured")
    if better not in ("higher", "lower", None):
        raise LabError(f"result {name!r}: better is {better!r}; the choices are: higher, lower")
    spread = _noise(name, noise, sum(values) / len(values))
    recorder.add_result(Result(name, values, unit, better, spread))


def _number(name: str, value: Any) -> float:
    if not is_real(value):
        raise LabError(f"result {name!r} is {shown(value)}; it is a number or a list of numbers")
    if not math.isfinite(value):
        raise LabError(f"result {name!r} is {value}; record only what was measured")
    return float(value)


def _noise(name: str, noise: float | str | None, mean: float) -> float | None:
    if isinstance(noise, str):
        try:
            spread = abs(mean) * float(noise.removesuffix("%")) / 100
        except ValueError:
            spread = -1.0
        if not noise.endswith("%"):
            spread = -1.0
    else:
        spread = 0.0 if noise is None else _number(f"{name}, noise", noise)
    if not 0 <= spread < math.inf:  # "nan %"
        raise LabError(f'result {name!r}: noise is {noise!r}; it is 0 or more, or such as "3 %"')
    return spread if noise is not None else None


def _encodable(check: Check) -> Check:
    values = {encodable(source): encodable(value) for source, value in check.values.items()}
    name, hint = encodable(check.name), encodable(check.hint)
    return replace(check, name=name, hint=hint, values=values)


def _remark(check: Check) -> str:
    return "" if check.status == "passed" else check.message


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
