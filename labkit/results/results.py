# SPDX-License-Identifier: BSD-3-Clause
"""Results of trials: one row a trial, always the same columns, kept as Parquet and a run.json."""

import html
import json
import os
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.datasets import dataset_folder
from labkit.errors import LabError
from labkit.results.columns import (
    COLUMNS,
    LATE,
    as_table,
    came_late,
    fell_short,
    lost_here,
)
from labkit.results.text import as_html, as_lines, excerpt, left_out
from labkit.text import near

if TYPE_CHECKING:
    import pandas as pd

    from labkit.results.curves import Curves


FORMAT = "labkit-results/1"
TABLE_FILE, RUN_FILE, TRIALS_FOLDER = "results.parquet", "run.json", "trials"


@dataclass(frozen=True, eq=False)
class Results:
    """A table of trials and what is known of the run that made them: `table`, `plot`, `save()`.

    Attributes
    ----------
    table: one row a trial; labkit.results.columns.COLUMNS tells its columns
    run: parameters, seed, machine and versions, as in run.json
    """

    table: "pd.DataFrame"
    run: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_rows(
        cls, rows: Iterable[Mapping[str, Any]], run: Mapping[str, Any] | None = None
    ) -> "Results":
        """Results from rows such as those of lk.trial(...).row."""
        return cls(as_table(rows), {"format": FORMAT, "id": uuid.uuid4().hex, **(run or {})})

    @property
    def plot(self) -> "Curves":
        """Pictures: plot.drop(), plot.pps(), plot.latency(), plot.percentiles(); plot() is the
        first."""
        from labkit.results.curves import Curves

        return Curves(self.table, str(self.run.get("title", "")), self.run.get("floor_ns", {}))

    @property
    def warnings(self) -> list[str]:
        """What a reader of the numbers must know: imbalance, a generator that fell short, gaps."""
        found, count = [], len(self.table)
        unbalanced = int((~self.table["balanced"].fillna(True)).sum())
        if unbalanced:
            found.append(f"NOT balanced: {unbalanced} of {count} trials, see column balanced")
        limited = int(self.table["generator_limited"].fillna(False).sum())
        refused = int(fell_short(self.table).sum()) - limited
        if limited:
            found.append(
                f"generator limited: {limited} of {count} trials; they tell of the DUT at the load "
                "that was sent (tx_pps), not at target_pps"
            )
        measuring = int(lost_here(self.table).sum())
        if measuring:
            found.append(
                f"receiver limited: in {measuring} of {count} trials the measuring port lost "
                "frames (column port_drops), so the DUT lost fewer than drop_percent tells"
            )
        if refused:
            found.append(
                f"load not reached: {refused} of {count} trials, whose port did not take every "
                "frame (column unsent); they tell of the DUT at tx_pps, not at target_pps"
            )
        if late := int(came_late(self.table).sum()):
            found.append(
                f"late frames: in {late} of {count} trials more than {100 * LATE:g} % of the "
                "received came back after the end (column late), and rx_pps counts them: it is not "
                "the rate of a DUT that was still at work"
            )
        machines = len(self.run.get("machines", ()))
        if machines > 1:
            found.append(
                f"measured on {machines} machines, or with other versions: see run['machines']"
            )
        found += [f"not measured: {reason}" for reason in self.run.get("skipped", ())]
        missing = int(self.run.get("trials", count)) - count
        if missing > 0:
            found.append(f"not finished: {missing} of {count + missing} trials are missing")
        return found

    def where(self, **columns: Any) -> "Results":
        """The trials whose columns have these values: where(config="x", size_bytes=(64, 512)).

        None stands for what is missing: where(mix=None) are those without a mix of sizes. An
        unknown column, or a value that no trial has, is a LabError.
        """
        import pandas as pd

        chosen = self.table
        for name, wanted in columns.items():
            if name not in COLUMNS:
                raise LabError(f"results have no column {name!r}{near(name, COLUMNS)}")
            is_listed = isinstance(wanted, Iterable) and not isinstance(wanted, str)
            values = list(wanted) if is_listed else [wanted]
            there = [None if pd.isna(v) else v for v in self.table[name].unique().tolist()]
            for value in values:
                if value not in there:
                    raise LabError(f"no trial has {name} {value!r}; there are {there}")
            is_wanted = chosen[name].isin([value for value in values if value is not None])
            chosen = chosen[is_wanted | chosen[name].isna() if None in values else is_wanted]
        run = {key: value for key, value in self.run.items() if key != "trials"}
        return replace(self, table=chosen.reset_index(drop=True), run=run)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Writes results.parquet and run.json into a folder, made when needed; returns it.

        A folder that holds the results of something else is a LabError.
        """
        where = Path(folder)
        where.mkdir(parents=True, exist_ok=True)
        if (where / RUN_FILE).exists() and read_run(where).get("id") != self.run.get("id"):
            raise LabError(
                f"{where} holds other results; choose another folder, or remove it first"
            )
        write_json(where / RUN_FILE, {"format": FORMAT, **self.run})
        temporary = where / f".{TABLE_FILE}.{os.getpid()}"
        self.table.to_parquet(temporary, index=False)
        temporary.replace(where / TABLE_FILE)
        return where

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        head = f"<Results: {len(self.table)} trials>"
        return "\n".join(
            [head, as_lines(excerpt(self.table)), left_out(self.table), *self.warnings]
        )

    def _repr_html_(self) -> str:
        warnings = "".join(
            f'<p style="color:#b3261e;font-weight:600;margin:2px 0">{html.escape(text)}</p>'
            for text in self.warnings
        )
        return f"{as_html(excerpt(self.table))}<p>{left_out(self.table)}</p>{warnings}"


def check_results(name: str, given: object) -> None:
    """Raises a LabError for what is given in place of Results."""
    if not isinstance(given, Results):
        what, source = f"a {type(given).__name__}", "lk.load(...) of a sweep"
        if isinstance(given, (str, os.PathLike)):
            what, source = repr(given), f"lk.load({str(given)!r})"
        raise LabError(f"{name} is {what}; it is Results, as lk.sweep() or {source} gives them")


def load(where: str | os.PathLike[str]) -> Results:
    """Results that were saved: a folder of Results.save(), of lk.sweep(save=...), or a data set.

    A sweep that was interrupted gives the trials that were finished. "datasets/NAME" is looked for
    in the current folder, then among those that come with labkit.
    """
    folder = _folder(Path(where))
    run = read_run(folder)
    if (folder / TABLE_FILE).exists():
        import pandas as pd

        try:
            table = pd.read_parquet(folder / TABLE_FILE)
        except (OSError, ValueError) as error:  # pyarrow's own are one of these
            raise LabError(f"{folder / TABLE_FILE} is damaged ({error})") from None
        return Results(as_table(table), run)
    return Results.from_rows((trial["row"] for trial in read_trials(folder)), run)


def trial_files(folder: Path) -> list[Path]:
    """Files of a sweep's finished trials; one that begins with a dot was never finished."""
    return sorted((folder / TRIALS_FOLDER).glob("[!.]*.json"))


def read_trials(folder: Path) -> list[dict[str, Any]]:
    """What the files of a sweep's finished trials say: step, row and machine of each."""
    trials = []
    for file in trial_files(folder):
        try:
            trials.append(json.loads(file.read_text()))
        except ValueError as error:
            raise LabError(
                f"{file} is damaged ({error}); remove it, and the same lk.sweep(...) with "
                f"save={str(folder)!r} measures that trial again"
            ) from None
    return trials


def write_json(file: Path, data: Any) -> None:
    """Writes a file at once or not at all; what is not a number is null."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.write_text(json.dumps(_plain(data), indent=2, allow_nan=False) + "\n")
    temporary.replace(file)


def _plain(value: Any) -> Any:
    """The value in JSON's types, missing values as null."""
    import pandas as pd

    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (str, bool)):
        return value
    if pd.isna(value):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value


def _folder(where: Path) -> Path:
    if (where / RUN_FILE).is_file():
        return where
    if where.parts[:1] == ("datasets",):
        return dataset_folder(str(Path(*where.parts[1:])), RUN_FILE)
    raise LabError(
        f"{where} holds no results: it has no {RUN_FILE}; name a folder that lk.sweep(save=...) or "
        "Results.save() wrote, or a data set such as datasets/udp_echo_ec2"
    )


def read_run(folder: Path) -> dict[str, Any]:
    """What run.json in a folder of results says."""
    try:
        run: dict[str, Any] = json.loads((folder / RUN_FILE).read_text())
    except ValueError as error:
        raise LabError(f"{folder / RUN_FILE} is damaged ({error})") from None
    if run.get("format") != FORMAT:
        raise LabError(
            f"{folder / RUN_FILE}: its format is {run.get('format')!r}; this release reads "
            f"{FORMAT!r}"
        )
    return run
