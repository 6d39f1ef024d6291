# SPDX-License-Identifier: BSD-3-Clause
"""The written pages: docs/**/*.md and CONTRIBUTING.md, laid out for Sphinx.

They are read in the repository as well. So a link to a file that is no page, such as a workflow,
becomes the file's name here.
"""

import os
import re
from pathlib import Path

from labkit.packet.codec import VERDICT_BY_NAME

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BESIDES = {ROOT / "CONTRIBUTING.md": "contributing.md"}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]*)(#[^)\s]*)?\)")
FENCE = re.compile(r"(^ *```.*?^ *``` *$)", re.DOTALL | re.MULTILINE)
WORD = re.compile(r"^\| ([A-Za-z][\w ,:]*?) \| (.*?) \|", re.MULTILINE)
ERROR = re.compile(r"^### (\w+)\n(.*?)(?=^##|\Z)", re.DOTALL | re.MULTILINE)
DROP = re.compile(r"(?<![`\[}])`(drop_[a-z0-9_]+)`(?!\])")
GLOSSARY = "glossary.md"
MORE = "<!-- pages that stand nowhere else -->"


def places_in(folder: Path) -> dict[Path, Path]:
    """Where each page lies there."""
    places = {file: folder / file.relative_to(DOCS) for file in sorted(DOCS.rglob("*.md"))}
    return places | {file: folder / name for file, name in BESIDES.items()}


def write(folder: Path) -> None:
    """All pages."""
    places = places_in(folder)
    for file, place in places.items():
        text = moved(file.read_text(), file, place, places)
        if file.name == GLOSSARY:
            text = _with_words(text)
        if MORE in text:
            text = text.replace(MORE, "\n".join(_unlisted(places)))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def moved(text: str, file: Path, place: Path, places: dict[Path, Path]) -> str:
    """The text of a page whose links lead where other pages lie now."""

    def link(found: re.Match[str]) -> str:
        image, label, target, anchor = found[1], found[2], found[3], found[4] or ""
        if not target or ":" in target:
            return found[0]
        to = (file.parent / target).resolve()
        if to in places:
            return f"[{label}]({_relative(places[to], place)}{anchor})"
        if to.suffix == ".ipynb" and to.is_file():
            page = places[DOCS / "tutorials.md"].parent / "tutorials" / to.name
            return f"[{label}]({_relative(page, place)})"
        if image:
            return f"![{label}]({_relative(to, place)})"
        if not to.exists():  # a page that the build makes: Sphinx looks whether it is there
            return found[0]
        return label if "`" in label else f"{label} (`{to.relative_to(ROOT)}`)"

    parts = FENCE.split(text)  # code, at odd places, is left as it is
    parts[::2] = [DROP.sub(_drop, LINK.sub(link, part)) for part in parts[::2]]
    return "".join(parts)


def _drop(found: re.Match[str]) -> str:
    """A drop that is named leads to what it means."""
    known = found[1].removeprefix("drop_") in VERDICT_BY_NAME
    return f"{{drop}}`{found[1]}`" if known else found[0]


def _relative(to: Path, place: Path) -> str:
    return Path(os.path.relpath(to, place.parent)).as_posix()


def words() -> dict[str, str]:
    """The glossary's words, and where each stands first."""
    return {word: "word-" + re.sub(r"\W+", "-", word) for word in _rows()}


def _rows() -> dict[str, str]:
    """What the glossary says of each word, where it stands first."""
    found: dict[str, str] = {}
    for word, text in WORD.findall((DOCS / GLOSSARY).read_text()):
        if word != "word":
            found.setdefault(word, text)
    return found


def errors() -> dict[str, str]:
    """The classes that the page of errors explains, and what it says of each."""
    found = ERROR.findall((DOCS / "errors.md").read_text())
    return {name: text.strip() for name, text in found}


def texts() -> dict[str, str]:
    """What these pages say of names, for a terminal."""
    return {**_rows(), **{name: LINK.sub(r"\2", text) for name, text in errors().items()}}


def _with_words(text: str) -> str:
    """The glossary with a place for each of its words."""
    left = words()

    def word(found: re.Match[str]) -> str:
        place = left.pop(found[1], None)
        return f"| [{found[1]}]{{#{place}}} | {found[2]} |" if place else found[0]

    return WORD.sub(word, text)


def _unlisted(places: dict[Path, Path]) -> list[str]:
    """Pages of docs/ that no table of contents names, so that none is lost."""
    text = "".join(file.read_text() for file in places if file.parent == DOCS)
    listed = set(re.findall(r"^[\w/]+$", text, re.MULTILINE))
    names = [
        file.relative_to(DOCS).with_suffix("").as_posix() for file in places if DOCS in file.parents
    ]
    return [name for name in names if name not in listed and name != "index"]
