# SPDX-License-Identifier: BSD-3-Clause
"""Where each name is explained: names.json among the pages, which `labkit docs NAME` reads."""

import json
from pathlib import Path

from sphinx.application import Sphinx

from docs.site import pages

KINDS = ("drop", "counter", "node")


def write(app: Sphinx, problem: Exception | None) -> None:
    """names.json: the address of each name, the first one where several have it."""
    if problem is not None:
        return
    found = {name: f"errors.html#{name.lower()}" for name in pages.errors()}
    objects = [
        (name.removeprefix("labkit."), page, anchor)
        for domain in ("std", "py")
        for name, _, kind, page, anchor, _ in app.env.get_domain(domain).get_objects()
        if domain == "py" or kind in KINDS
    ]
    for name, page, anchor in objects:
        found.setdefault(name, f"{page}.html#{anchor}")
    for word, anchor in pages.words().items():
        found.setdefault(word, f"glossary.html#{anchor}")
    text = json.dumps(dict(sorted(found.items())), indent=0, ensure_ascii=False)
    (Path(app.outdir) / "names.json").write_text(text)
