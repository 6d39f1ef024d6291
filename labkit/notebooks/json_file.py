# SPDX-License-Identifier: BSD-3-Clause
"""Files of JSON that people may have damaged."""

import json
from pathlib import Path
from typing import Any

from labkit.errors import LabError


def read_json(path: Path, fault: str) -> Any:
    """What a file holds; LabError when it cannot be read, or is no JSON, of which `fault` is said,
    such as "is damaged"."""
    try:
        # With or without the mark that editors of Windows put in front
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise LabError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise LabError(f"{path} {fault}: {error}") from None
