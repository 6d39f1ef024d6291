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
from labkit.text import reason


def write(file: Path, tables: Iterator[pa.Table], columns: Sequence[Column]) -> Path:
    """Beside the file first, so that what is there is never half of one."""
    schema = Apart(columns).arrow([]).schema
    try:
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    except OSError as error:
        raise LabError(f"{file} cannot be written: {reason(error)}") from None
    try:
        with os.fdopen(descriptor, "wb") as out, pq.ParquetWriter(out, schema) as writer:
            for table in tables:
                writer.write_table(table)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, file)
    except OSError as error:
        raise LabError(f"{file} cannot be written: {reason(error)}") from None
    finally:
        if os.path.exists(name):
            os.unlink(name)
    return file
