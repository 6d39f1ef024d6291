# SPDX-License-Identifier: BSD-3-Clause
"""What a file's output was asked with: a prompt's line in it, or the file's name.

sosreport and others name files after the command: `ethtool_-S_eth0`, `tc_-s_qdisc_show_dev_eth1`.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath

from labkit.trouble.evidence import Moment
from labkit.trouble.moments import Dater

PROMPT_LINES = 4  # above an output, that may have its command
_COMMAND = re.compile(
    r"(?:^|[$#>]\s*|\s|/)(?P<command>(?:sudo )?(?:ethtool|tc|ip|ifconfig)\s+[^|;>&]*)"
)
_DATE_LINES = 3


class Asked:
    """The command of a file, by its name.

    order: where the file stands among those given, for readings whose time nobody tells
    """

    def __init__(self, name: str, until: datetime) -> None:
        self.name = name
        self._dater = Dater(until)
        base = PurePosixPath(name.rpartition(":")[2]).name
        self.words = re.sub(r"\.(?:txt|log|out)$", "", base).replace("_", " ").split()
        self._text = " ".join(self.words).lower()

    def says(self, *words: str) -> bool:
        """Whether the file's name says these words."""
        return all(word.lower() in self._text for word in words)

    def device(self, lines: Sequence[str], at: int, *words: str) -> str | None:
        """The interface that the command asked about: of a prompt above the line, else of the
        file's name."""
        for line in reversed(lines[max(0, at - PROMPT_LINES) : at + 1]):
            found = _COMMAND.search(line)
            if found is not None and all(word in found["command"].split() for word in words):
                return _interface(found["command"].split())
        if all(word in self.words for word in words):
            return _interface(self.words)
        return None

    def moment(self, lines: Sequence[str], at: int) -> Moment:
        """When it was read, where a line above is a date."""
        for line in reversed(lines[max(0, at - _DATE_LINES) : at]):
            moment, rest = self._dater.read(line.strip().lstrip("#= "))
            if moment.clock == "wall" and len(rest) < 3:
                return moment
        return Moment()


def _interface(words: Sequence[str]) -> str | None:
    """The last word of a command that can be an interface's name."""
    for at, word in reversed(list(enumerate(words))):
        bare = word.strip("'\"`")
        if bare in ("show", "qdisc", "link", "dev", "stats", "before", "after") or not bare:
            continue
        # `ip a` names none
        is_said = at > 0 and (words[at - 1] == "dev" or words[at - 1].startswith("-"))
        shortest = 0 if is_said else 1
        if re.fullmatch(rf"[A-Za-z][\w.@-]{{{shortest},14}}", bare) and bare not in (
            "ethtool",
            "sudo",
            "ip",
            "tc",
        ):
            return bare.partition("@")[0]
        return None
    return None
