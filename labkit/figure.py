# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of results. They see tables and arrays only."""

import io

from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by colour-blind readers and in print
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
MARKERS = "osD^vPX"


class Picture(Figure):
    """A figure that a notebook shows whether or not it has imported pyplot."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()
