# SPDX-License-Identifier: BSD-3-Clause
"""The files of results: run.json, the table as Parquet, and a file a trial while a sweep runs."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.datasets import dataset_folder, names_of_folders
from labkit.errors import LabError
from labkit.text import alike, did_you_mean, reason

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "labkit-results/1"
TABLE_FILE, RUN_FILE, TRIALS_FOLDER = "results.parquet", "run.json", "trials"


def find_folder(where: Path) -> Path:
    """The folder of these results: itself, or of the data set "datasets/NAME"."""
    if (where / RUN_FILE).is_file():
        return where
    if where.parts[:1] == ("datasets",):
        return dataset_folder(str(Path(*where.parts[1:])), RUN_FILE)
    there = result_names()
    hint = did_you_mean(alike(where.name, there))
    raise LabError(
        f"{where} holds no results: it has no {RUN_FILE}; name a folder that lk.sweep(save=...) or "
        f"Results.save() wrote, or a data set ({', '.join(there)}){hint}"
    )


def result_names(_: Mapping[str, Any] | None = None) -> list[str]:
    """The data sets of results that come with labkit, as lk.load takes them."""
    return [f"datasets/{name}" for name in names_of_folders(RUN_FILE)]


def read_run(folder: Path) -> dict[str, Any]:
    """What run.json in a folder of results says."""
    try:
        run: dict[str, Any] = json.loads((folder / RUN_FILE).read_text())
    except ValueError as error:
        raise LabError(f"{folder / RUN_FILE} is damaged ({reason(error)})") from None
    if run.get("format") != FORMAT:
        raise LabError(
            f"{folder / RUN_FILE}: its format is {run.get('format')!r}; this release reads "
            f"{FORMAT!r}"
        )
    return run


def read_table(folder: Path) -> "pd.DataFrame | None":
    """The table of a folder; None while a sweep has not finished there."""
    import pandas as pd

    file = folder / TABLE_FILE
    if not file.exists():
        return None
    try:
        return pd.read_parquet(file)
    except (OSError, ValueError) as error:  # pyarrow's own are one of these
        raise LabError(f"{file} is damaged ({reason(error)})") from None


def write_table(folder: Path, table: "pd.DataFrame") -> None:
    """Writes the table of a folder at once or not at all."""
    temporary = folder / f".{TABLE_FILE}.{os.getpid()}"
    table.to_parquet(temporary, index=False)
    temporary.replace(folder / TABLE_FILE)


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
