# SPDX-License-Identifier: BSD-3-Clause
"""Whether the built pages are whole: links within them lead somewhere, and nothing is loaded from a
network."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """What a page has and wants.

    Attributes
    ----------
    places: what a link can lead to within it
    links: where its links lead
    loads: what a browser fetches to show it
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Of every element."""
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if given.get(LOADS.get(tag, ""), ""):
            self.loads.append(given[LOADS[tag]])


def wrong(folder: Path) -> list[str]:
    """A sentence for each link that leads nowhere, and for each thing from a network."""
    pages = {file: Page(file.read_text()) for file in sorted(folder.rglob("*.html"))}
    return [line for file in pages for line in _of(file, pages, folder)]


def _of(file: Path, pages: dict[Path, Page], folder: Path) -> Iterator[str]:
    name = file.relative_to(folder)
    for address in pages[file].loads:
        if urlsplit(address).netloc:
            yield f"{name}: it loads {address}; put it into the build"
    for address in (*pages[file].links, *pages[file].loads):
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        to = (file.parent / unquote(parts.path)).resolve() if parts.path else file
        if not to.exists():
            yield f"{name}: {address} is not there"
        elif parts.fragment and to in pages and unquote(parts.fragment) not in pages[to].places:
            yield f"{name}: {address}: there is no such place on that page"
