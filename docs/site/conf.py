# SPDX-License-Identifier: BSD-3-Clause
"""Sphinx's settings. Everything that a page loads is in the build: it is read without a network."""

import sys
from importlib.metadata import version as installed
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from docs.site import api, docstrings, names  # noqa: E402

project = "labkit"
author = "The labkit authors"
project_copyright = author
version = release = installed("labkit")
html_title = f"labkit {version}"

extensions = [
    "sphinx.ext.autodoc",
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_design",
]
myst_enable_extensions = ["attrs_inline", "colon_fence"]
myst_heading_anchors = 4
suppress_warnings = [
    "misc.highlighting_failure",  # an ellipsis in an example is no error
    "myst.header",  # cells of notebooks begin where they like
]

# Notebooks are executed by `labkit run` before (tutorials.py), or not at all.
nb_execution_mode = "off"
nb_ipywidgets_js = {}  # a widget has left its picture; nothing is fetched to make it move
nb_merge_streams = True
nb_mime_priority_overrides = [
    ("html", "application/vnd.jupyter.widget-view+json", None),
    ("html", "text/html", 0),
]

default_role = "code"
add_module_names = False
python_maximum_signature_line_length = 88
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True

html_theme = "furo"
html_static_path = [str(Path(__file__).parent / "static")]
html_css_files = ["labkit.css"]
html_show_sourcelink = False
html_copy_source = False
copybutton_prompt_text = r"\$ |[a-z]\$ |>>> "
copybutton_prompt_is_regexp = True
html_theme_options = {
    "light_css_variables": {"font-stack--monospace": "ui-monospace, Menlo, Consolas, monospace"},
}


def setup(app: Sphinx) -> None:
    """What Sphinx does not know by itself: kinds of names, and how docstrings are written here."""
    for kind, called in names.KINDS.items():
        app.add_object_type(kind, kind, f"pair: %s; {called}", objname=called)
    app.connect("env-updated", names.note)
    app.connect("autodoc-process-docstring", docstrings.process)
    app.connect("autodoc-process-signature", api.shown_signature)
    app.connect("build-finished", names.write)
