# SPDX-License-Identifier: BSD-3-Clause
"""Where a run comes from: git's commit and branch, and the job of a CI system."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

GIT_SECONDS = 10
# Variables of CI systems; the first that is set is taken. A CI system checks out a commit without a
# branch, and a container may not be allowed to ask git.
COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA", "BUILD_SOURCEVERSION", "CIRCLE_SHA1", "GIT_COMMIT")
BRANCHES = (
    "GITHUB_HEAD_REF",
    "GITHUB_REF_NAME",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
    "CI_COMMIT_REF_NAME",
    "BUILD_SOURCEBRANCHNAME",
    "CIRCLE_BRANCH",
    "BUILDKITE_BRANCH",
    "GIT_BRANCH",
)
LINKS = (
    "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
    "{CI_JOB_URL}",  # GitLab
    "{CI_PIPELINE_URL}",  # Woodpecker
    "{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",  # Azure
    "{CIRCLE_BUILD_URL}",
    "{BUILDKITE_BUILD_URL}",
    "{DRONE_BUILD_LINK}",
    "{BUILD_URL}",  # Jenkins
)


def origin(folder: Path, variables: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Of the notebooks in a folder: commit, branch, dirty (whether files that git knows were
    changed), and ci (a link). What is not known is missing."""
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    found = {
        "commit": _git(folder, "rev-parse", "--verify", "-q", "HEAD") or _first(COMMITS, variables),
        "branch": _git(folder, "symbolic-ref", "--short", "-q", "HEAD")
        or _first(BRANCHES, variables),
        "dirty": None if changes is None else bool(changes),
        "ci": _link(variables),
    }
    return {name: value for name, value in found.items() if value not in (None, "")}


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says; None where it says nothing of this folder."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        ran = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=GIT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ran.stdout.strip() if ran.returncode == 0 else None


def _first(names: tuple[str, ...], variables: Mapping[str, str]) -> str | None:
    return next((variables[name] for name in names if variables.get(name)), None)


def _link(variables: Mapping[str, str]) -> str | None:
    for link in LINKS:
        try:
            found = link.format_map(variables)
        except KeyError:
            continue
        if found.startswith(("https://", "http://")):
            return found
    return None
