# SPDX-License-Identifier: BSD-3-Clause
"""Results of trials: one row a trial, always the same columns, kept as Parquet and a run.json."""

import html
import os
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from labkit.arguments.checked import checked
from labkit.arguments.hints import Offers
from labkit.errors import LabError
from labkit.figure.theme import ALARM
from labkit.machine.description import differing
from labkit.results.columns import (
    COLUMNS,
    LATE,
    as_table,
    came_late,
    fell_short,
    lost_here,
)
from labkit.results.files import (
    FORMAT,
    RUN_FILE,
    find_folder,
    read_run,
    read_table,
    read_trials,
    result_names,
    write_json,
    write_table,
)
from labkit.results.text import excerpt
from labkit.tables.shown import as_html, as_lines
from labkit.text import near, shade

if TYPE_CHECKING:
    import pandas as pd

    from labkit.results.curves import Curves


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
        from labkit.results.curves import Curves  # matplotlib is slow to load

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
        found += _other_versions(self.run)
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

    @checked()
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
        write_table(where, self.table)
        return where

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        head = f"<Results: {len(self.table)} trials>"
        shown, note = excerpt(self.table)
        return "\n".join([head, as_lines(shown), note, *self.warnings])

    def _repr_html_(self) -> str:
        warnings = "".join(
            f'<p style="color:{shade(ALARM)};font-weight:600;margin:2px 0">{html.escape(text)}</p>'
            for text in self.warnings
        )
        shown, note = excerpt(self.table)
        return f"{as_html(shown)}<p>{html.escape(note)}</p>{warnings}"


def _other_versions(run: Mapping[str, Any]) -> list[str]:
    """Versions of what measures that other hosts have (run["hosts"]), against the first machine."""
    machines = run.get("machines", ())
    return [
        f"host {name} has {difference}"
        for name, told in run.get("hosts", {}).items()
        for difference in (differing(told, machines[0]) if machines else ())
    ]


@checked()
def load(where: Annotated[str | os.PathLike[str], Offers(result_names)]) -> Results:
    """Results that were saved: a folder of Results.save(), of lk.sweep(save=...), or a data set.

    A sweep that was interrupted gives the trials that were finished. "datasets/NAME" is looked for
    in the current folder, then among those that come with labkit.
    """
    folder = find_folder(Path(where))
    run, table = read_run(folder), read_table(folder)
    if table is not None:
        return Results(as_table(table), run)
    return Results.from_rows((trial["row"] for trial in read_trials(folder)), run)
