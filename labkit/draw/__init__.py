# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of paths and labs as self-contained SVG: no scripts, fonts or style sheets from outside.

They bring their own light card, so they read the same in light and dark themes and in print.
"""

from labkit.draw.html import as_html
from labkit.draw.overview import PortView, lab_svg
from labkit.draw.pathway import NodeReading, PathReading, live_path_svg, path_svg

__all__ = [
    "NodeReading",
    "PathReading",
    "PortView",
    "as_html",
    "lab_svg",
    "live_path_svg",
    "path_svg",
]
