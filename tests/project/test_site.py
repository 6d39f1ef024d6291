# SPDX-License-Identifier: BSD-3-Clause
"""What `make docs` is made of. Building it all is CI's (`make docs`), whose warnings are errors."""

import importlib
import pkgutil
import re
from pathlib import Path

import labkit
from docs.site import links, pages
from docs.site.docstrings import converted
from labkit.errors import LabError

ROOT = Path(__file__).parents[2]


def kinds_of(error: type[LabError]) -> set[str]:
    return {error.__name__}.union(*map(kinds_of, error.__subclasses__()))


def test_every_kind_of_error_has_its_entry() -> None:
    folder = str(Path(labkit.__file__).parent)  # an editable install searches others, too
    for module in pkgutil.walk_packages([folder], "labkit."):
        if not re.search(r"__main__|pytest_plugin|\._", module.name):
            importlib.import_module(module.name)
    ours = {name for name in kinds_of(LabError) if f"class {name}(" in source()}
    assert ours == set(pages.errors())


def source() -> str:
    """The source, so that what a test declares is not asked for."""
    return "".join(file.read_text() for file in (ROOT / "labkit").rglob("*.py"))


def test_words_and_errors_have_their_texts() -> None:
    texts = pages.texts()
    assert texts["unsent"].startswith("intended - sent")
    assert "lab.restart()" in texts["EngineDied"]
    assert "guide/hangs.md" not in texts["EngineHung"]


def test_a_docstring_becomes_prose_items_and_code() -> None:
    text = """Sends *all* frames, see `port.send`.

rate: such as "10 kpps";
    None: as it is
names, of_ports: both

Attributes
----------
kept: so many

    lab.run(x)   # code"""
    assert "\n".join(converted(text, frozenset({"rate", "names", "of_ports"}))) == (
        '\nSends \\*all\\* frames, see ``port.send``.\n\n\n``rate``\n   such as "10 kpps";\n'
        "   None: as it is\n\n``names``, ``of_ports``\n   both\n\n.. rubric:: Attributes\n\n\n\n"
        "``kept``\n   so many\n\n.. code-block:: python\n   :force:\n\n   lab.run(x)   # code\n"
    )


def test_links_that_lead_nowhere_and_loads_from_a_network_are_seen(tmp_path: Path) -> None:
    (tmp_path / "one.html").write_text(
        '<p id="here"><a href="#here">a</a><a href="#gone">b</a><a href="two.html#x">c</a>'
        '<a href="three.html">d</a><a href="https://example.org">e</a>'
        '<script src="https://cdn.example.org/x.js"></script>'
    )
    (tmp_path / "two.html").write_text('<p id="x">')
    assert links.wrong(tmp_path) == [
        "one.html: it loads https://cdn.example.org/x.js; put it into the build",
        "one.html: #gone: there is no such place on that page",
        "one.html: three.html is not there",
    ]
