# SPDX-License-Identifier: BSD-3-Clause
"""A capture's table as a Parquet file, piece by piece."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from labkit.captures.columns import Column
from labkit.captures.taken_apart import Apart
from labkit.errors import LabError
from labkit.packet.capture_writer import mode_of
from labkit.text import reason


def write(file: Path, tables: Iterator[pa.Table], columns: Sequence[Column], source: Path) -> Path:
    """Beside the file first, so that what is there is never half of one.

    source: the capture, which it must not replace
    """
    try:
        place = Path(os.path.realpath(file))  # where a link leads
        if place.exists() and not place.is_file():
            raise LabError(f"{file} is no regular file; write to another name")
        if place.exists() and place.samefile(source):
            raise LabError(f"{file} is the capture itself; write to another file")
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        raise LabError(f"{file} cannot be written: {reason(error)}") from None
    schema = Apart(columns).arrow([]).schema
    try:
        descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=f".{file.name}.")
    except OSError as error:
        raise LabError(f"{file} cannot be written: {reason(error)}") from None
    try:
        with os.fdopen(descriptor, "wb") as out, pq.ParquetWriter(out, schema) as writer:
            for table in tables:
                writer.write_table(table)
        os.chmod(name, mode_of(place))
        os.replace(name, place)
    except OSError as error:
        raise LabError(f"{file} cannot be written: {reason(error)}") from None
    finally:
        if os.path.exists(name):
            os.unlink(name)
    return file
