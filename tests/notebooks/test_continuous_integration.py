# SPDX-License-Identifier: BSD-3-Clause
"""The workflows for GitHub and GitLab fit their schemas, and what they call exists."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from labkit.cli import main
from tests.notebooks.making import notebook

ROOT = Path(__file__).parents[2]
GITHUB, GITLAB = ROOT / ".github/workflows/notebooks.yml", ROOT / ".gitlab-ci.yml"


@pytest.mark.parametrize(
    ("file", "schema"),
    [(GITHUB, "github-workflows"), (GITLAB, "gitlab-ci")],
    ids=["github", "gitlab"],
)
def test_workflow_fits_its_schema(file: Path, schema: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    ran = subprocess.run([*command, str(file)], capture_output=True, text=True, timeout=400)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("file", [GITHUB, GITLAB], ids=["github", "gitlab"])
def test_what_a_workflow_calls_exists(file: Path) -> None:
    text = json.dumps(YAML(typ="safe").load(file))
    targets = re.findall(r'"make ([a-z-]+)', text)
    assert {"setup-test", "check-notebooks"} <= set(targets)
    makefile = (ROOT / "Makefile").read_text()
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    help_text = CliRunner().invoke(main, ["run", "--help"]).output
    options = set(re.findall(r"(?<!\w)--[a-z-]+", text.split("labkit run", 1)[1]))
    assert {"--tag", "--report", "--repeat", "--baseline", "--solutions"} == options
    assert all(option in help_text for option in options)


def test_notebook_with_outputs_is_refused(tmp_path: Path) -> None:
    clean = notebook(tmp_path / "nb.ipynb", "1 + 1", tags=["ci"])
    nbstripout = [str(Path(sys.executable).with_name("nbstripout")), "--verify", "--keep-id"]
    keys = ["--extra-keys", "metadata.papermill"]
    assert subprocess.run([*nbstripout, *keys, str(clean)]).returncode == 0
    document = json.loads(clean.read_text())
    document["cells"][0]["outputs"] = [
        {"name": "stdout", "output_type": "stream", "text": ["2"]},
    ]
    clean.write_text(json.dumps(document))
    assert subprocess.run([*nbstripout, *keys, str(clean)]).returncode == 1
