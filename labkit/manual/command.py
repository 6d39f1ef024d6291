# SPDX-License-Identifier: BSD-3-Clause
"""The command labkit docs."""

import contextlib
from importlib.util import find_spec

import click

from labkit.notebooks.run.options import TEXT, exit_on_error, say


@click.command()
@click.argument("name", required=False, type=TEXT)
@click.option("--serve", is_flag=True, help="Serve the pages on 127.0.0.1 until Ctrl-C.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="To serve on; default: any free one."
)
def docs(name: str | None, serve: bool, port: int) -> None:
    """Open the documentation, or tell what NAME means and where that stands.

    NAME is a drop (drop_tx_full), a counter (rx_missed_errors), a node (police), an error
    (EngineDied), a word of the ledger (unexplained) or a public name (trial). The pages are files:
    nothing is fetched.
    """
    # Late: `labkit --help` need not wait for what knows all names.
    from labkit.manual import pages

    with exit_on_error():
        address = "index.html" if name is None else _explain(name)
        if serve:
            _serve(address, port)
        elif name is None:
            say(pages.open_page(address))
        elif pages.folder() is None:
            say(f"More stands on its page; {pages.missing()}")
        elif address:
            say(pages.open_page(address))


def _explain(name: str) -> str:
    """Prints what a name means. Returns the address of its page, or ""."""
    from labkit.errors import UnknownName
    from labkit.manual import pages
    from labkit.text import near

    known, asked, meant = pages.names(), list(pages.spellings(name)), ""
    if has_native_modules():
        from labkit.manual.meanings import meaning, pattern

        asked.append(pattern(name))
        meant = meaning(name)
    address = next((known.places[n] for n in asked if n in known.places), "")
    text = next((f"{n}: {known.texts[n]}" for n in asked if n in known.texts), meant)
    if not text and not address:
        raise UnknownName(f"nothing here is called {name!r}{near(name, _all_names())}")
    if text:
        say(f"{text}\n")
    return address


def _all_names() -> list[str]:
    from labkit.manual import pages

    found = list(pages.names().places)
    if has_native_modules():
        from labkit.manual.meanings import names

        found += names()
    return list(dict.fromkeys(found))


def has_native_modules() -> bool:
    """Whether the library can tell what names mean; else the pages alone do."""
    return find_spec("labkit._codec") is not None


def _serve(address: str, port: int) -> None:
    from labkit.manual import pages

    with pages.server(port) as server, contextlib.suppress(KeyboardInterrupt):
        say(f"http://{pages.LOOPBACK}:{server.server_port}/{address}   (Ctrl-C ends it)")
        server.serve_forever()
