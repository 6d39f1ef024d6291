# SPDX-License-Identifier: BSD-3-Clause
"""Columns in which something may be missing, made of arrays without a copy for each value."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

Array = np.ndarray[Any, Any]


def numbers(values: Array, missing: Array | None = None) -> Any:
    """Whole numbers of pandas' nullable type; missing: where there is none, None: nowhere."""
    if missing is None:
        missing = np.zeros(len(values), bool)
    return pd.arrays.IntegerArray(np.ascontiguousarray(values), missing.view(bool))


def texts(codes: Array, names: Sequence[str]) -> Any:
    """Categories by their number; -1: missing."""
    categories: Any = pd.Index(np.array(names, dtype=object))
    return pd.Categorical.from_codes(codes, categories)
