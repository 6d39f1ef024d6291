# SPDX-License-Identifier: BSD-3-Clause
"""Where the files of datasets/ are: beside the package in a checkout, inside it when installed."""

from pathlib import Path

from labkit.errors import LabError
from labkit.text import near

PACKAGE = Path(__file__).parent
FOLDERS = (PACKAGE / "data/datasets", PACKAGE.parent / "datasets")


def names_of_files(ending: str) -> list[str]:
    """The files whose names end so."""
    return sorted({path.name for folder in FOLDERS for path in folder.glob(f"*{ending}")})


def names_of_folders(file: str) -> list[str]:
    """The folders that hold such a file."""
    return sorted({path.parent.name for folder in FOLDERS for path in folder.glob(f"*/{file}")})


def dataset(name: str) -> Path:
    """The file of this name; LabError when there is none."""
    for folder in FOLDERS:
        if (folder / name).is_file():
            return folder / name
    there = names_of_files(Path(name).suffix or ".parquet")
    raise LabError(f"there is no data set {name!r}{near(name, there)}")


def dataset_folder(name: str, file: str) -> Path:
    """The folder of this name that holds such a file; LabError that suggests the near one."""
    for folder in FOLDERS:
        if (folder / name / file).is_file():
            return folder / name
    raise LabError(f"there is no data set {name!r}{near(name, names_of_folders(file))}")
