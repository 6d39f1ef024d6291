# SPDX-License-Identifier: BSD-3-Clause
"""lk.watch: chosen counters of a source as lines that move."""

from typing import Annotated, Any

from labkit.arguments.checked import checked
from labkit.arguments.hints import Offers
from labkit.errors import LabError
from labkit.sources import Schema, SourceError, as_source, select
from labkit.sources.as_source import Counted, counter_names
from labkit.widgets.view import MOST_LINES, LiveView

# What is looked at first when nobody says what to look at
USUAL = (
    *(("rx_good_packets",), ("tx_good_packets",), ("rx_packets",), ("tx_packets",)),
    *(("*packets",), ("sent", "received"), ("*",)),
)
MOST_USUAL = 8


class Chart(LiveView):
    """Counters as lines: those that only grow as rates, others as they are."""

    def __init__(
        self, source: Counted, patterns: tuple[str, ...], title: str, *, kind: str = "chart"
    ) -> None:
        self._patterns = patterns
        self._is_first = True
        super().__init__(source, kind, title)

    def choose(self, *patterns: str) -> None:
        """Draws other counters; patterns as in lk.watch."""
        with self._lock:
            self._patterns = patterns
            self._is_first = True
            schema = self._feed.schema
            self._draw(self._choose(schema), schema)
            self._seed()

    def _choose(self, schema: Schema) -> list[str]:
        if not self._patterns:
            usual = (select(schema.names, patterns, must=False) for patterns in USUAL)
            return next(filter(None, usual), [])[:MOST_USUAL]
        found = select(schema.names, self._patterns, must=self._is_first)
        if len(found) > MOST_LINES and self._is_first:
            raise LabError(
                f"{len(found)} counters match {', '.join(self._patterns)}; a chart draws up to "
                f"{MOST_LINES}, so say more of their names, such as {found[0]!r}"
            )
        self._is_first = False  # names may come and go later
        # An application that ends closes its ports first.
        return found[:MOST_LINES] or self._lines.names

    def _ask(self, content: dict[str, Any]) -> None:
        if content.get("type") == "choose":
            known = self._feed.schema.index
            names = [name for name in content.get("names", []) if name in known]
            if names:
                self.choose(*(_literal(name) for name in names[:MOST_LINES]))
        else:
            super()._ask(content)


def _literal(name: str) -> str:
    """The pattern that matches this name alone."""
    return name.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")


@checked(SourceError, but=("source",))
def watch(
    source: Counted, *patterns: Annotated[str, Offers(counter_names)], title: str | None = None
) -> Chart:
    """Watches counters of a source as rates, one line each.

    source: a Lab (its engine), its traffic() or a flow of it, or one of lk.sources. patterns such
    as "rx_*_packets", with *, ? and [...], match a whole name or what follows its last slash; none:
    the usual ones. Up to 32 lines; others can be chosen in the view. title: what stands above it
    (None: what the source is called).

    SourceError when the source cannot be opened or a pattern matches nothing.
    """
    return Chart(source, patterns, title or as_source(source).label)
