# SPDX-License-Identifier: BSD-3-Clause
"""What a notebook's kernel and engines left in its folder."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from labkit.notebooks.kernel import LEDGERS_FILE, PROGRESS_FILE
from labkit.notebooks.records import RECORDS_FILE
from labkit.notebooks.run.jobs import NOTEBOOK_FILE_ENDING

ENGINES_LOG = "engines.log"


def read_kernel_files(folder: Path) -> dict[str, Any]:
    """Checks, results, tables, ledgers and other files that the kernel left."""
    found: dict[str, Any] = {"checks": [], "results": [], "tables": {}, "ledgers": {}}
    records = folder / RECORDS_FILE
    for record in _records(records):
        kind = record.pop("kind")
        if kind == "table":
            found["tables"][record["name"]] = record["file"]
        else:
            found[f"{kind}s"].append(record)
    records.unlink(missing_ok=True)
    ledgers = folder / LEDGERS_FILE
    with suppress(OSError, ValueError):  # there are none, or the disk was full
        found["ledgers"] = json.loads(ledgers.read_text())
    ledgers.unlink(missing_ok=True)
    (folder / PROGRESS_FILE).unlink(missing_ok=True)
    with suppress(OSError):  # the disk is full: they stay as they are
        join_logs(folder)
    own = {NOTEBOOK_FILE_ENDING, ".parquet", ".html"}
    found["attachments"] = sorted(
        f.name for f in folder.iterdir() if f.suffix not in own and f.stat().st_size
    )
    return found


def _records(file: Path) -> Iterator[dict[str, Any]]:
    """Lines of the kernel. One may be cut: the kernel died while it wrote, or the disk was full."""
    text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
    for line in text.splitlines():
        with suppress(ValueError):
            record = json.loads(line)
            if isinstance(record, dict) and "kind" in record:
                yield record


def read_progress(folder: Path) -> str:
    """What a kernel measures now, empty where it does not say."""
    try:
        return (folder / PROGRESS_FILE).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):  # none yet, or it is being written
        return ""


def remove_kernel_files(folder: Path) -> None:
    """Removes what the kernel of an earlier run left, should that have been killed."""
    for name in (RECORDS_FILE, LEDGERS_FILE, PROGRESS_FILE, ENGINES_LOG):
        (folder / name).unlink(missing_ok=True)
    for log in folder.glob("engine-*.log"):
        log.unlink()


def join_logs(folder: Path) -> None:
    """One file of all engines' logs: a sweep has an engine for every trial."""
    logs = sorted(folder.glob("engine-*.log"), key=lambda log: log.stat().st_mtime_ns)
    if logs:
        texts = [f"--- {log.stem}\n".encode() + log.read_bytes() for log in logs]
        (folder / ENGINES_LOG).write_bytes(b"\n".join(texts))
    for log in logs:
        log.unlink()
