# SPDX-License-Identifier: BSD-3-Clause
"""A traced frame's way, step by step: HTML and CSS alone, so that it steps in saved pages, too.

Every step is there; a group of radio buttons chooses which is seen. Browsers move through such a
group with the arrow keys. Where styles are taken away (GitHub, notebooks that are not trusted) all
steps stand below one another.
"""

import base64
import re
from collections.abc import Sequence
from html import escape
from typing import Any
from uuid import uuid4

from labkit.arguments.checked import checked
from labkit.errors import LabError
from labkit.figure.large import scale
from labkit.figure.theme import CLASS, FOLLOW, with_dark_style
from labkit.lab.running_path import RunningPath
from labkit.lab.trace import Trace
from labkit.lab.trace_step import Step
from labkit.packet.node_effects import effects
from labkit.path.drawing import path_svg
from labkit.path.path import Path
from labkit.path.svg import BLUE, RED
from labkit.text import MISSING, plural, shown

# Their keys are not JupyterLab's, which would go to another cell.
OWN_KEYS = 'data-lm-suppress-shortcuts="true"'
MOST_BYTES = 128
MARK = 4  # width of the line around the node at work, in pixels
RECT = re.compile(r'<rect [^>]*?x="[^"]*"[^>]*?>')
WIDTH = re.compile(r'^<svg [^>]*?\bwidth="([\d.]+)"')
STYLE = """
#I{border:1px solid var(--jp-border-color1,#d0d7de);border-radius:8px;padding:10px 14px}
#I>input{position:absolute;opacity:0;pointer-events:none}
#I .way{display:flex;flex-wrap:wrap;gap:4px;margin-bottom:8px}
#I label{cursor:pointer;border:1px solid #8c959f;border-radius:6px;padding:1px 8px;user-select:none}
#I label.drop{border-color:#d55e00}
#I .go{display:flex;gap:8px;align-items:center;flex-wrap:wrap;margin:6px 0}
#I .go label,#I .go span.end{min-width:4.5em;text-align:center;padding:4px 10px}
#I .go span.end{opacity:.4;border:1px dashed #8c959f;border-radius:6px}
#I section{display:none}
#I h4{margin:8px 0 2px;font-size:1em;font-weight:600}
#I .bytes>div{min-width:0}
#I .node{font-weight:700;font-size:1.15em}
#I .node.drop{color:#d55e00}
#I .bytes{display:flex;flex-wrap:wrap;gap:4px 24px}
#I pre{margin:2px 0;white-space:pre;overflow-x:auto;font-size:.95em;line-height:1.35}
#I mark{background:#ffe08a;color:#1f2328;border-radius:2px}
#I img{max-width:100%;height:auto;margin-top:6px}
#I .did{margin:2px 0 6px;padding-left:1.2em}
@media print{#I section{display:block!important}}
"""


class Steps:
    """A traced frame's way through nodes; shown in a notebook with Back and Step.

    Attributes
    ----------
    steps: the frame as it entered each node, in order
    """

    def __init__(self, steps: Sequence[Step], paths: Sequence[RunningPath | Path]) -> None:
        self.steps = list(steps)
        self._paths = {_name(path): path for path in paths}

    def __repr__(self) -> str:
        lines = [f"<Steps of frame {self.steps[0].packet}, {plural(len(self.steps), 'node')}>"]
        for number, step in enumerate(self.steps, 1):
            lines.append(f"{number:>3}  {step.path or MISSING}/{step.node}")
            lines += [f"       {effect}" for effect in _effects(step)]
        return "\n".join(lines)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._html()}

    def _html(self) -> str:
        key = f"lk-steps-{uuid4().hex[:8]}"
        last = len(self.steps) - 1
        inputs = "".join(
            f'<input type="radio" name="{key}" id="{key}-{n}"{" checked" if n == 0 else ""} '
            f'{OWN_KEYS} aria-label="step {n + 1} of {last + 1}: {escape(step.node)}">'
            for n, step in enumerate(self.steps)
        )
        labels = "".join(
            f'<label for="{key}-{n}" class="l{n}{" drop" if _is_drop(step) else ""}">'
            f"{escape(step.node)}</label>"
            for n, step in enumerate(self.steps)
        )
        return (
            f"<style>{FOLLOW}{STYLE.replace('#I', f'#{key}')}{_chosen(key, last + 1)}</style>"
            f'<div id="{key}" role="group" '
            f'aria-label="the way of frame {self.steps[0].packet}">'
            f'{inputs}<div class="way">{labels}</div>'
            f"{''.join(self._section(key, n, last) for n in range(last + 1))}</div>"
        )

    def _section(self, key: str, number: int, last: int) -> str:
        step = self.steps[number]
        back = _go(key, number - 1, "◀ Back", is_there=number > 0)
        on = _go(key, number + 1, "Step ▶", is_there=number < last)
        kind = " drop" if _is_drop(step) else ""
        since = (step.time_ns - self.steps[0].time_ns) / 1e3
        where = (
            f'<span class="node{kind}">{escape(step.node)}</span> '
            f"{escape(step.path or '')} · step {number + 1} of {last + 1} · +{since:,.2f} µs"
        )
        did = "".join(f"<li>{escape(effect)}</li>" for effect in _effects(step))
        return (
            f'<section class="s{number}"><div class="go">{back}{on}<span>{where}</span></div>'
            f'<ul class="did">{did}</ul>{_bytes(step)}{self._picture(number)}</section>'
        )

    def _picture(self, number: int) -> str:
        """The path with the node at work set off; of a drop, the node that refused."""
        step = self.steps[number]
        path = self._paths.get(step.path or "")
        if path is None:
            return ""
        plan = path.path if isinstance(path, RunningPath) else path
        before = [s.node for s in self.steps[: number + 1] if s.path == step.path]
        node = next((n for n in reversed(before) if n in {p.name for p in plan.nodes}), None)
        svg = path_svg(plan)
        if node is not None:
            svg = _marked(svg, node, (RED if _is_drop(step) else BLUE).edge)
        data = base64.b64encode(with_dark_style(svg).encode()).decode()
        told = f"path {_name(path)}, at {step.node}"
        width = float(WIDTH.findall(svg)[0]) * scale()
        return (
            f'<img class="{CLASS}" alt="{escape(told)}" width="{width:.0f}" '
            f'src="data:image/svg+xml;base64,{data}">'
        )


@checked()
def steps(trace: Trace, *paths: RunningPath | Path, frame: int = 0) -> Steps:
    """A traced frame's way through nodes, one at a time, with what each did and its bytes.

    paths: those that it went through, for their pictures
    frame: number of the frame in the trace, from 0

    With the buttons, or the arrow keys once the view has the focus, it goes step by step; a saved
    notebook and an HTML page do so too, without scripts:

        with lab.trace(1) as trace:
            client.send(frame)
        lk.steps(trace, echo_path)

    LabError where the trace has no such frame.
    """
    seen = trace.steps
    numbers = sorted({step.packet for step in seen})
    if not numbers:
        raise LabError(
            "the trace has seen no frame; send one while it is on: with lab.trace(1): ..."
        )
    if frame not in numbers:
        there = f"frames 0 to {numbers[-1]}" if len(numbers) > 1 else "one frame, number 0"
        raise LabError(f"frame is {shown(frame)}; the trace has {there}")
    return Steps([step for step in seen if step.packet == frame], paths)


def _name(path: RunningPath | Path) -> str:
    return path.name


def _is_drop(step: Step) -> bool:
    return step.node.startswith("drop_")


def _effects(step: Step) -> list[str]:
    if _is_drop(step):
        return [f"the frame is dropped here and counted as {step.node}: {step.summary}"]
    if step.after is None:
        return [f"the frame ends here: {step.summary}"]
    return effects(step.before, step.after) or ["passed on as it was"]


def _go(key: str, number: int, text: str, *, is_there: bool) -> str:
    if not is_there:
        return f'<span class="end">{text}</span>'
    return f'<label for="{key}-{number}">{text}</label>'


def _chosen(key: str, count: int) -> str:
    """Of each step: when its button is on, its section is seen and its name set off."""
    rules = []
    for n in range(count):
        on = f"#{key}-{n}:checked~"
        rules += [
            f"{on}section.s{n}{{display:block}}",
            f"{on}.way .l{n}{{background:{BLUE.edge};color:#fff;border-color:{BLUE.edge}}}",
            f"#{key}-{n}:focus-visible~.way .l{n}{{outline:3px solid #e69f00}}",
        ]
    return "".join(rules)


def _bytes(step: Step) -> str:
    changed = set(step.changed)
    frames = [("bytes", step.before)]
    if changed and step.after is not None:
        frames = [("before", step.before), ("after", step.after)]
    parts = (f"<div><h4>{head}</h4><pre>{_hex(data, changed)}</pre></div>" for head, data in frames)
    return f'<div class="bytes">{"".join(parts)}</div>'


def _hex(data: bytes, marked: set[int]) -> str:
    """Bytes in rows of 16, those that changed set off; of long frames the first ones."""
    lines = []
    for row in range(0, min(len(data), MOST_BYTES), 16):
        cells = [
            f"<mark>{byte:02x}</mark>" if row + i in marked else f"{byte:02x}"
            for i, byte in enumerate(data[row : row + 16])
        ]
        lines.append(f"{row:04x}  " + " ".join(cells))
    if len(data) > MOST_BYTES:
        lines.append(f"and {plural(len(data) - MOST_BYTES, 'byte')} more")
    return "\n".join(lines)


def _marked(svg: str, node: str, color: str) -> str:
    """The picture with a thick line around a node's box."""
    begin = svg.find(f'data-node="{escape(node)}"')
    found = RECT.search(svg, begin) if begin >= 0 else None
    if found is None:
        return svg
    around = re.sub(r' stroke(-width)?="[^"]*"', "", found.group())
    end = "/>" if around.endswith("/>") else ">"
    around = f'{around[: -len(end)]} stroke="{color}" stroke-width="{MARK}"{end}'
    return svg[: found.start()] + around + svg[found.end() :]
