# SPDX-License-Identifier: BSD-3-Clause
"""A case as a page of its own, for a ticket or a colleague: no script, nothing that it loads."""

from collections.abc import Iterable, Sequence
from html import escape

from labkit.text import Html, html_table, plural
from labkit.trouble.finding import Finding
from labkit.trouble.timeline import timeline

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#24292f;background:#fff}h2{font-size:1.1rem;margin:2rem 0 .3rem}"
    "code{font:13px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}dt{font-weight:600;"
    "margin-top:.4rem}dd{margin:0 0 .2rem 1rem}ul{margin:.2rem 0;padding-left:1.2rem}"
    "@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}}"
)


MOST_TOLD = 3  # findings of one rule and level that are told in full
MOST_NAMED = 20  # devices


def told_apart(findings: Sequence[Finding]) -> tuple[list[Finding], list[str]]:
    """Those that are told in full, and a sentence for each kind of which there are more: the same
    of many devices has one cause, and is read once."""
    kinds: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        kinds.setdefault((finding.id, finding.level), []).append(finding)
    full = [f for f in findings if f in kinds[f.id, f.level][:MOST_TOLD]]
    more = [
        f"{of[0].level.capitalize()}: {of[0].title}, on {plural(len(of) - MOST_TOLD, 'device')} "
        f"more: {listed([f.device for f in of[MOST_TOLD:]])}"
        for of in kinds.values()
        if len(of) > MOST_TOLD
    ]
    return full, more


def listed(names: Sequence[str]) -> str:
    """Names, of many the first ones."""
    rest = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {rest} others" if rest > 0 else "")


def page(findings: Sequence[Finding], read: Sequence[tuple[str, str]], nothing: str) -> str:
    """The page; read: a row a file."""
    files = html_table(("file", "what rules know of it"), read)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>A NIC in trouble</title>'
        f"<style>{STYLE}</style></head><body><h1>A NIC in trouble</h1>"
        f"{body(findings, nothing)}<h2>What was read</h2>{files}</body></html>"
    )


def body(findings: Sequence[Finding], nothing: str) -> Html:
    """The findings and their picture."""
    if not findings:
        return Html(f"<p>{escape(nothing)}</p>")
    full, more = told_apart(findings)
    rest = "".join(f"<h2>{escape(sentence)}</h2>" for sentence in more)
    return Html("".join(map(section, full)) + rest + picture(findings))


def picture(findings: Sequence[Finding]) -> Html:
    """When what was seen; nothing where no time is known."""
    figure = timeline(findings)
    return Html("" if figure is None else figure._repr_html_() or "")


def section(finding: Finding) -> str:
    """A finding with its evidence."""
    of = f" on {finding.device}" if finding.device else ""
    parts = [
        ("Evidence", _items(map(str, finding.evidence), code=True)),
        ("Cause", escape(finding.cause)),
        ("Remedy", escape(finding.remedy)),
    ]
    if finding.excluded:
        parts.append(("Excluded", _items(finding.excluded)))
    if finding.needs:
        asked = [f"{need['what']}: {need['command']}" for need in finding.needs]
        parts.append(("Would decide", _items(asked)))
    if finding.incident:
        parts.append(("On record", escape(str(finding.incident))))
    parts.append(("Known from", escape(finding.rule.origin)))
    told = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in parts)
    return f"<h2>{finding.level.capitalize()}: {escape(finding.title + of)}</h2><dl>{told}</dl>"


def _items(texts: Iterable[str], *, code: bool = False) -> str:
    mark = ("<code>", "</code>") if code else ("", "")
    return f"<ul>{''.join(f'<li>{mark[0]}{escape(text)}{mark[1]}</li>' for text in texts)}</ul>"
