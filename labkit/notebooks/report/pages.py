# SPDX-License-Identifier: BSD-3-Clause
"""Pages without scripts: the templates and what they use."""

import base64
import math
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import Any

import jinja2

from labkit.text import MISSING, plural
from labkit.units import plain


@cache
def _templates() -> jinja2.Environment:
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("labkit.notebooks"),
        autoescape=jinja2.select_autoescape(["j2", "html"]),
        undefined=jinja2.StrictUndefined,
    )
    templates.filters |= {"number": number, "percent": percent, "told": told, "when": when}
    templates.filters["plural"] = plural
    return templates


def render(template: str, **values: Any) -> str:
    """A page of the folder templates."""
    page = _templates().get_template(f"{template}.html.j2")
    return page.render(labkit=version("labkit"), **{"footer": "", **values})


def number(value: float | None) -> str:
    """With four significant digits, zeros among them: 10.00, 0.0001200, 1,234,567."""
    if value is None:
        return MISSING
    places = _places(value, 4)
    return plain(value) if places is None else f"{value:,.{places}f}"


def percent(share: float | None) -> str:
    """A signed share in percent: -20.0 %, and below one percent two digits: +0.12 %."""
    if share is None:
        return MISSING
    places = _places(100 * share, 2)
    return f"{100 * share:+,.{max(1, places or 0)}f} %"


def _places(value: float, digits: int) -> int | None:
    """Decimals with which a number has so many significant digits; None where there is no such."""
    if not value or not 1e-12 < abs(value) < 1e15:
        return None
    return max(0, digits - 1 - math.floor(math.log10(abs(value))))


def told(value: object) -> str:
    """What a run tells of its machine and parameters."""
    return MISSING if value is None or value == "" else str(value)


def when(stamp: str) -> str:
    """An ISO 8601 time as people read it."""
    try:
        return datetime.fromisoformat(stamp).strftime("%Y-%m-%d %H:%M:%S %Z").strip()
    except ValueError:
        return stamp


def svg_url(svg: str) -> str:
    """A picture as a data: URL."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
