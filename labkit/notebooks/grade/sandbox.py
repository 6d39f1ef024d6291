# SPDX-License-Identifier: BSD-3-Clause
"""What a process gives up before it runs what a student wrote.

Namespaces of its own for processes, mounts, network and IPC (unshare(2)); all file systems
read-only (mount_setattr(2)) but for a scratch folder in memory; homes, the other students' files
and /run out of sight; another user where this one is root; no capabilities (capabilities(7)).
"""

import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
import sys
from pathlib import Path

from labkit.errors import LabError

NEW_MOUNTS, NEW_IPC, NEW_USERS, NEW_PIDS, NEW_NETWORK = (
    *(0x00020000, 0x08000000, 0x10000000),
    *(0x20000000, 0x40000000),
)
RECURSIVELY, PRIVATE, BOUND, NO_SUID, NO_DEVICES = 0x4000, 1 << 18, 0x1000, 2, 4  # MS_
SYS_MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, READ_ONLY = 442, -100, 0x8000, 1
SET_DEATH_SIGNAL, SET_DUMPABLE, DROP_BOUND, NO_NEW_PRIVILEGES = 1, 4, 24, 38  # PR_
CAPABILITY_VERSION = 0x20080522
SET_FLAGS, FLAG_UP = 0x8914, 1  # SIOCSIFFLAGS, IFF_UP
FIRST_USER = 61_184  # where systemd takes users that nobody else has
IN_MEMORY = ("/tmp", "/var/tmp", "/dev/shm", "/run")
SCRATCH_SIZE = "1g"
MOST_USERS = 4_000
MOST_TASKS = 512
MOST_FILE = 512 << 20

_libc = ctypes.CDLL(None, use_errno=True)


def enter(scratch: str, files: str, hidden: list[str], number: int) -> None:
    """Goes on in a fork that is the first process of its namespaces; this one waits and ends.

    scratch: the folder that it may write to, under /tmp, and is in afterwards
    files: a folder whose files are found in there by their names
    hidden: folders that are empty in there
    number: of the user that it becomes, where it is root; of those at work each has its own
    LabError tells what the machine does not let it give up.
    """
    is_root = os.geteuid() == 0
    user = FIRST_USER + number if is_root else os.geteuid()
    group = user if is_root else os.getegid()
    Path("/proc/self/oom_score_adj").write_text("1000")  # the first to go where memory runs out
    kinds = NEW_MOUNTS | NEW_IPC | NEW_PIDS | NEW_NETWORK | (0 if is_root else NEW_USERS)
    _call("namespaces of one's own", _libc.unshare(kinds))
    if not is_root:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _raise_loopback()
    kept = os.open(files, os.O_PATH | os.O_DIRECTORY)  # which may be out of sight then
    _cover(hidden)
    shown = Path(f"{scratch}-files")
    shown.mkdir(parents=True)
    _mount(f"/proc/self/fd/{kept}", str(shown), flags=BOUND | RECURSIVELY)
    os.close(kept)
    child = os.fork()
    if child:
        os.close(sys.stdin.fileno())
        os.close(sys.stdout.fileno())
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    _mount("proc", "/proc", "proc")  # else it would show processes that are not there
    os.makedirs(scratch, 0o700)
    for path in shown.iterdir():
        Path(scratch, path.name).symlink_to(path)
    os.chown(scratch, user, group)
    _become(user, group, is_root)
    os.chdir(scratch)


def _become(user: int, group: int, is_root: bool) -> None:
    for number in range(64):
        _libc.prctl(DROP_BOUND, number, 0, 0, 0)  # fails beyond the last one
    if is_root:
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
    header = struct.pack("Ii", CAPABILITY_VERSION, 0)
    _call("capabilities", _libc.capset(header, bytes(24)))
    _call("no new privileges", _libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    # No process of the same user reads or changes this one's memory (ptrace(2)).
    _call("memory of one's own", _libc.prctl(SET_DUMPABLE, 0, 0, 0, 0))
    _call("an end with its parent", _libc.prctl(SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0))
    for limit, most in (
        (resource.RLIMIT_NPROC, MOST_TASKS),
        (resource.RLIMIT_FSIZE, MOST_FILE),
        (resource.RLIMIT_NOFILE, 4096),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(limit)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (most, most))


def _cover(hidden: list[str]) -> None:
    """All read-only, and folders in memory over those that are written to or not to be seen."""
    _call("mounts of its own", _libc.mount(None, b"/", None, RECURSIVELY | PRIVATE, None))
    attributes = struct.pack("QQQQ", READ_ONLY, 0, 0, 0)
    _call(
        "file systems read-only",
        _libc.syscall(
            SYS_MOUNT_SETATTR,
            *(AT_FDCWD, b"/", AT_RECURSIVE),
            *(attributes, ctypes.c_size_t(len(attributes))),
        ),
    )
    needed = [Path(p).resolve() for p in (sys.prefix, sys.base_prefix, Path(__file__).parents[3])]
    # The innermost first: what is bound from elsewhere has them covered, too.
    for folder in sorted({*hidden, *IN_MEMORY}, key=lambda name: -len(Path(name).parts)):
        path = Path(folder).resolve()
        if not path.is_dir():
            continue
        inside = [n for n in needed if n.is_relative_to(path)]
        if inside and folder not in IN_MEMORY:
            continue
        if path in inside:
            raise LabError(
                f"labkit is installed in {path} itself, which is not shown to students' code; "
                "install it elsewhere"
            )
        outer = [n for n in inside if not any(n != m and n.is_relative_to(m) for m in inside)]
        kept = {n: os.open(n, os.O_PATH | os.O_DIRECTORY) for n in outer}
        _mount("tmpfs", str(path), "tmpfs", f"mode=1777,size={SCRATCH_SIZE}")
        for needs, opened in kept.items():  # read-only, as all was made before
            for folder_above in (*reversed(needs.parents), needs):
                if not folder_above.exists():
                    folder_above.mkdir()
                    folder_above.chmod(0o755)  # whatever the umask: others look in
            _mount(f"/proc/self/fd/{opened}", str(needs), flags=BOUND | RECURSIVELY)
            os.close(opened)


def _mount(
    source: str, target: str, kind: str = "", options: str = "", flags: int = NO_SUID | NO_DEVICES
) -> None:
    texts = (source.encode(), target.encode(), kind.encode() or None)
    made = _libc.mount(*texts, ctypes.c_ulong(flags), options.encode() or None)
    _call(f"{kind or source} on {target}", made)


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh14x", b"lo", FLAG_UP))


def _call(what: str, result: int) -> None:
    if result:
        error = os.strerror(ctypes.get_errno())
        raise LabError(
            f"this machine does not let students' code be locked in: {what}: {error}; run it as "
            "root outside of containers, or where users may have namespaces (sysctl "
            "user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns)"
        )
