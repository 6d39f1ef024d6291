# SPDX-License-Identifier: BSD-3-Clause
"""Where each name is explained: names.json among the pages, which `labkit docs NAME` reads.

"places" are addresses by name; "texts" what the written pages say of a name.
"""

import json
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from docs.site import pages

# Object types of Sphinx, and what the search calls them. Directives make those of drops, nodes and
# counters; the others stand in written pages.
KINDS = {
    "drop": "drop",
    "counter": "counter",
    "node": "node",
    "lk-word": "word of the ledger",
    "lk-error": "error",
}

MODULES = re.compile(r"^labkit\.(?:[a-z_]+\.)*(?=[A-Z])")


def note(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Tells Sphinx of the names in written pages, so that its search finds their places."""
    objects = env.domains.standard_domain.objects
    for word, anchor in pages.words().items():
        objects["lk-word", word] = ("glossary", anchor)
    for name in pages.errors():
        objects["lk-error", name] = ("errors", name.lower())
    return []


def write(app: Sphinx, problem: Exception | None) -> None:
    """names.json; a name that stands in several places has the first one."""
    if problem is not None:
        return
    found: dict[str, str] = {}
    for domain in (app.env.domains.standard_domain, app.env.domains.python_domain):
        for name, _, kind, page, anchor, _ in domain.get_objects():
            if kind in KINDS or domain.name == "py":
                # A class is asked for without its module: "Network.ping_all"
                for called in (MODULES.sub("", name), name.removeprefix("labkit.")):
                    found.setdefault(called, f"{page}.html#{anchor}")
    names = {"places": dict(sorted(found.items())), "texts": pages.texts()}
    text = json.dumps(names, indent=0, ensure_ascii=False)
    (Path(app.outdir) / "names.json").write_text(text, encoding="utf-8")
