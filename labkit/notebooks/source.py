# SPDX-License-Identifier: BSD-3-Clause
"""A notebook file, read without running it: its parameters, tags and whether it measures."""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.errors import LabError, ParameterError
from labkit.notebooks.document import read_document, source_of, tags_of
from labkit.notebooks.parameters import Parameters, param

PARAMETERS = "parameters"  # papermill's tag of the cell after which it writes values
SKIP = "skip-execution"  # nbclient's tag of a cell that it leaves out
DECLARATION = re.compile(r"\b(lk|labkit)\s*\.\s*params\s*\(")
ERROR_MARKER = "papermill-error-cell-tag"  # of cells that papermill puts in
PYTHON_MAGICS = ("time", "capture", "prun")  # of a cell; they run it in the notebook
PYTHON = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


@dataclass(frozen=True)
class NotebookSource:
    """A notebook as it is kept.

    Attributes
    ----------
    path: where it was read from
    document: the parsed file, nbformat 4
    """

    path: Path
    document: dict[str, Any]

    @property
    def name(self) -> str:
        """The file name without its ending."""
        return self.path.stem

    @property
    def tags(self) -> frozenset[str]:
        """Tags of the whole notebook: {"labkit": {"tags": ["ci"]}} in its metadata."""
        return frozenset(self._settings.get("tags") or [])

    @property
    def measures(self) -> bool:
        """Whether it needs CPUs of its own: {"labkit": {"measures": false}} says it does not."""
        return self._settings.get("measures", True) is True

    @property
    def help(self) -> str:
        """The first paragraph of its text."""
        for cell in self.document["cells"]:
            if cell["cell_type"] == "markdown":
                for paragraph in source_of(cell).split("\n\n"):
                    if paragraph.strip() and not paragraph.startswith("#"):
                        return paragraph.strip()
        return ""

    @property
    def parameters(self) -> Parameters:
        """What lk.params declares, or the variables of the cell tagged `parameters`."""
        found: dict[str, Any] = {}
        for _, cell, tree in self._parsed_cells():
            calls = list(_calls_of_params(tree))
            for call in calls:
                found |= self._declared(call)
            if not calls and PARAMETERS in tags_of(cell):
                found |= _assigned(source_of(cell), tree)
        try:
            return Parameters(found)
        except ParameterError as error:
            raise ParameterError(f"{self.path.name}: the default of {error}") from None

    def values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Values for the parameters, checked; texts are parsed as a command line has them."""
        declared = self.parameters
        checked = {}
        for name, value in given.items():
            parameter = declared.find(name, self.path.name)
            parse = parameter.parse if isinstance(value, str) else parameter.check
            try:
                checked[name] = parse(name, value)
            except ParameterError as error:
                raise ParameterError(f"{self.path.name}: {error}") from None
        return checked

    def tagged(self) -> dict[str, Any]:
        """The document with what papermill needs, should it be missing: the tag at the cell of
        lk.params, a kernel and its language, which are Python's."""
        document: dict[str, Any] = json.loads(json.dumps(self.document))
        metadata = document["metadata"]
        if not (metadata.get("kernelspec") or {}).get("name"):
            metadata["kernelspec"] = dict(PYTHON)
        spoken = (metadata.get("language_info") or {}).get("name")
        metadata["kernelspec"].setdefault("language", spoken or PYTHON["language"])
        cells = document["cells"]
        if not any(PARAMETERS in tags_of(cell) for cell in cells):
            for number, _, tree in self._parsed_cells():
                if any(_calls_of_params(tree)):
                    cells[number]["metadata"].setdefault("tags", []).append(PARAMETERS)
                    break
        return document

    @property
    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = self.document["metadata"].get("labkit") or {}
        return settings

    def _parsed_cells(self) -> Iterator[tuple[int, dict[str, Any], ast.Module]]:
        for number, cell in enumerate(self.document["cells"]):
            if cell["cell_type"] != "code":
                continue
            source = source_of(cell)
            if PARAMETERS not in tags_of(cell) and "params" not in source:
                continue
            try:
                yield number, cell, parse_cell(source)
            except SyntaxError as error:
                # A cell that merely has the word may be wrong, or another kernel's language.
                if PARAMETERS in tags_of(cell) or DECLARATION.search(source):
                    raise LabError(
                        f"{self.path.name}, cell {number + 1}: its parameters cannot be read, "
                        f"{error.msg} in line {error.lineno}"
                    ) from None

    def _declared(self, call: ast.Call) -> dict[str, Any]:
        found = {}
        for keyword in call.keywords:
            name = keyword.arg or "**"
            try:
                found[name] = _literal(keyword.value)
            except (ValueError, TypeError):
                raise ParameterError(
                    f"{self.path.name}: lk.params has {name}={ast.unparse(keyword.value)}, which "
                    "cannot be known without running the notebook; write its value as a literal"
                ) from None
        return found


def read_notebook(path: Path) -> NotebookSource:
    """Reads a notebook; LabError when there is none."""
    return NotebookSource(path, read_document(path))


def find_notebooks(paths: tuple[Path, ...]) -> list[Path]:
    """Notebooks named or in the folders named, sorted within a folder; no checkpoints."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (p for p in path.rglob("*.ipynb") if not _is_hidden(p.relative_to(path)))
            found += sorted(inside)
        elif path.exists():
            found.append(path)
        else:
            raise LabError(f"{path}: there is no such notebook or folder")
    return list({path.resolve(): path for path in reversed(found)}.values())[::-1]


def heading_of(cell: Mapping[str, Any]) -> str:
    """The last heading in a cell of text, empty without any."""
    if cell["cell_type"] != "markdown":
        return ""
    headings = re.findall(r"^#{1,6}\s+(.+?)\s*#*$", source_of(cell), re.MULTILINE)
    return str(headings[-1]) if headings else ""


def is_executed(cell: Mapping[str, Any]) -> bool:
    """Whether it is a code cell that runs: neither empty nor tagged to be skipped."""
    is_code = cell["cell_type"] == "code" and bool(source_of(cell).strip())
    return is_code and SKIP not in tags_of(cell)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def parse_cell(source: str) -> ast.Module:
    """A cell as IPython understands it, with its magics; SyntaxError where it does not."""
    try:
        return ast.parse(source)
    except SyntaxError:
        tree = ast.parse(_transformed(source))
    match tree.body:
        # get_ipython().run_cell_magic("time", "", "the cell's text")
        case [ast.Expr(ast.Call(ast.Attribute(attr="run_cell_magic"), [name, _, text]))]:
            if ast.literal_eval(name) in PYTHON_MAGICS:
                return parse_cell(ast.literal_eval(text))
    return tree


def _transformed(source: str) -> str:
    """Python of a cell with magics, line by line."""
    from IPython.core.inputtransformer2 import TransformerManager  # late: IPython is slow

    return str(TransformerManager().transform_cell(source))


def _calls_of_params(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in ("lk.params", "labkit.params"):
            yield node


def _name(node: ast.expr) -> str:
    return ast.unparse(node) if isinstance(node, (ast.Attribute, ast.Name)) else ""


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and _name(node.func) in ("lk.param", "labkit.param"):
        values = [ast.literal_eval(argument) for argument in node.args]
        named = {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
        return param(*values, **named)
    return ast.literal_eval(node)


def _assigned(source: str, tree: ast.Module) -> dict[str, param]:
    """Variables set at the top level, with the comment behind them; computed ones take anything."""
    found = {}
    comments = _comments(source)
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target: ast.expr = node.targets[0]
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            target = node.target
        else:
            continue
        if isinstance(target, ast.Name) and node.value is not None:
            try:
                default = ast.literal_eval(node.value)
            except (ValueError, TypeError):
                default = None
            found[target.id] = param(default, comments.get(node.end_lineno or 0, ""))
    return found


def _comments(source: str) -> dict[int, str]:
    """Comments by line."""
    try:
        ast.parse(source)
    except SyntaxError:
        source = _transformed(source)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}
