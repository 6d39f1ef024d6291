# SPDX-License-Identifier: BSD-3-Clause
"""Pictures in a notebook's output."""

import base64
from html import escape


def as_html(svg: str, label: str) -> str:
    """The picture as an <img>: a notebook that is not trusted shows no SVG elements."""
    data = base64.b64encode(svg.encode()).decode()
    return f'<img alt="{escape(label)}" src="data:image/svg+xml;base64,{data}"/>'
