# SPDX-License-Identifier: BSD-3-Clause
"""Pages without scripts: the templates and what they use."""

import base64
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import Any

import jinja2

from labkit.text import plural


@cache
def _templates() -> jinja2.Environment:
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("labkit.notebooks"),
        autoescape=jinja2.select_autoescape(["j2", "html"]),
        undefined=jinja2.StrictUndefined,
    )
    templates.filters |= {"number": number, "percent": percent, "when": when, "plural": plural}
    return templates


def render(template: str, **values: Any) -> str:
    """A page of the folder templates."""
    page = _templates().get_template(f"{template}.html.j2")
    return page.render(labkit=version("labkit"), **{"footer": "", **values})


def number(value: float | None) -> str:
    """With four significant digits and thousands set apart."""
    if value is None:
        return ""
    if value and not 1e-4 <= abs(value) < 1e12:
        return f"{value:.4g}"
    digits = max(0, 4 - len(str(int(abs(value)))) + (abs(value) < 1))
    return f"{value:,.{digits}f}"


def percent(share: float | None) -> str:
    """A signed share in percent."""
    return "" if share is None else f"{100 * share:+.1f} %"


def when(stamp: str) -> str:
    """An ISO 8601 time as people read it."""
    try:
        return datetime.fromisoformat(stamp).strftime("%Y-%m-%d %H:%M:%S %Z").strip()
    except ValueError:
        return stamp


def svg_url(svg: str) -> str:
    """A picture as a data: URL."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
