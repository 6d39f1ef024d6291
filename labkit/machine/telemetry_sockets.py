# SPDX-License-Identifier: BSD-3-Clause
"""Where DPDK applications have their telemetry sockets, and how a user names one."""

import glob
import os
import pwd
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from labkit.machine.telemetry import SOCKET

# Applications with --in-memory may share a runtime directory: the second one's socket ends in ":1".
SOCKET_NAME = re.compile(re.escape(SOCKET) + r"(:\d+)?")
BOUND_SOCKETS = Path("/proc/net/unix")


def socket_path(where: str | os.PathLike[str]) -> Path:
    """The socket of a runtime directory, of a file prefix ("rte"; "rte:1" of the second application
    with --in-memory), or the socket itself.

    Of several applications with one file prefix, the first that this user may talk to.
    """
    text = os.fspath(where)
    path = Path(text)
    if SOCKET_NAME.fullmatch(path.name) or _is_socket(path):
        return path
    if "/" in text:
        return path / SOCKET
    prefix, instance = re.fullmatch(r"(.*?)(:\d+)?", text, re.DOTALL).groups("")  # type: ignore[union-attr]
    found = [socket for socket in sockets() if _is_of(socket, prefix, instance)]
    found += [socket for socket in sockets() if _is_of(socket, text, "")]
    found.append(runtime_folders()[0] / prefix / f"{SOCKET}{instance}")
    return next((socket for socket in found if _may_talk_to(socket)), found[0])


def sockets() -> list[Path]:
    """Those of applications that run here: of this user first, then of all others. Those in
    directories that this user may not look into are there too, as long as the kernel lists them."""
    return list(dict.fromkeys([*_in_folders(), *_bound()]))


def named(socket: Path) -> str:
    """What a user may write for it: its directory where that is enough."""
    return str(socket.parent if socket.name == SOCKET else socket)


def owner(path: Path) -> str:
    """Whose it is, or the first directory above that tells."""
    for place in (path, *path.parents):
        try:
            uid = place.stat().st_uid
        except OSError:
            continue
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return f"uid {uid}"
    return "another user"


def runtime_folders() -> list[Path]:
    """Where EAL makes its runtime directories: this user's, root's, then those of others."""
    root, own = Path("/run/dpdk"), Path(os.environ.get("XDG_RUNTIME_DIR", "/tmp"), "dpdk")
    folders = [root, own] if os.geteuid() == 0 else [own, root]
    others = [Path(found) for found in sorted(glob.glob("/run/user/*/dpdk"))]
    return list(dict.fromkeys([*folders, Path("/tmp/dpdk"), *others]))


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False


def _may_talk_to(socket: Path) -> bool:
    return os.access(socket, os.W_OK, effective_ids=True)


def _is_of(socket: Path, prefix: str, instance: str) -> bool:
    return socket.parent.name == prefix and socket.name == f"{SOCKET}{instance}"


def _in_folders() -> Iterator[Path]:
    for folder in runtime_folders():
        # glob passes over what it may not look into
        for found in sorted(glob.glob(f"{glob.escape(str(folder))}/*/{SOCKET}*")):
            if SOCKET_NAME.fullmatch(Path(found).name):
                yield Path(found)


def _bound() -> Iterator[Path]:
    """Of all users of this network namespace."""
    try:
        lines = BOUND_SOCKETS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        path = Path(line.split(None, 7)[-1])
        if path.is_absolute() and SOCKET_NAME.fullmatch(path.name):
            yield Path(os.path.realpath(path.parent), path.name)  # /var/run is /run
