# SPDX-License-Identifier: BSD-3-Clause
"""Where the files of datasets/ are: beside the package in a checkout, inside it when installed."""

from pathlib import Path

from labkit.errors import LabError
from labkit.text import near

PACKAGE = Path(__file__).parent
FOLDERS = (PACKAGE / "data/datasets", PACKAGE.parent / "datasets")


def dataset(name: str) -> Path:
    """The file of this name; LabError when there is none."""
    for folder in FOLDERS:
        if (folder / name).is_file():
            return folder / name
    there = {path.name for folder in FOLDERS for path in folder.glob("*") if path.is_file()}
    raise LabError(f"there is no dataset {name!r}; there are {', '.join(sorted(there)) or 'none'}")


def dataset_folder(name: str, file: str) -> Path:
    """The folder of this name that holds such a file; LabError that suggests the near one."""
    for folder in FOLDERS:
        if (folder / name / file).is_file():
            return folder / name
    there = {path.parent.name for folder in FOLDERS for path in folder.glob(f"*/{file}")}
    raise LabError(f"there is no data set {name!r}{near(name, sorted(there))}")
