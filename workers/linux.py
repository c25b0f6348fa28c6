"""The system calls that Python does not offer, bound once so that a forked child need not look them up.

Where a call does not exist (other systems, old libraries), the functions say so by their result and do nothing.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import sys
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform != "win32" else None
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_SYS_NICE = 23
_RENAME_NOREPLACE = 1
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100
_OPENAT2 = 437  # the same number on every machine
_RESOLVE_NO_SYMLINKS = 0x04
_NOT_TO_BE_HAD = (errno.ENOSYS, errno.EINVAL, errno.E2BIG, errno.EPERM)  # an old kernel, or a container that forbids it


def _bind(name: str, *argtypes: Any) -> Any:
    if sys.platform != "linux" or _LIBC is None:
        return None
    try:
        function = _LIBC[name]  # by item: a new object each time, so that two bindings may differ in their arguments
    except AttributeError:
        return None
    function.argtypes = list(argtypes)
    function.restype = ctypes.c_int
    return function


_prctl = _bind("prctl", ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong)
_prctl_text = _bind("prctl", ctypes.c_int, ctypes.c_char_p)
_signal = _bind("signal", ctypes.c_int, ctypes.c_void_p)
_capget = _bind("capget", ctypes.c_void_p, ctypes.c_void_p)
_capset = _bind("capset", ctypes.c_void_p, ctypes.c_void_p)
_renameat2 = _bind("renameat2", ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
_syscall = _bind("syscall", ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t)


def die_with_parent(signum: int) -> bool:
    """Ask for `signum` when the thread that started this process ends. Check `os.getppid()` after: it may be over."""
    return _prctl is not None and _prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0) == 0


def gain_nothing() -> bool:
    """Let no program that this process starts from now on gain rights, whatever its owner and its set-user bit say."""
    return _prctl is not None and _prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0


def ignore(signum: int) -> None:
    """Ignore a signal without asking Python, which allows that to its main thread only."""
    if _signal is not None:
        _signal(signum, int(signal.SIG_IGN))


def stay_ordinary() -> bool:
    """Let neither this process nor any that it starts become a real-time one, though it be root.

    SVT-AV1 makes all threads of root, and the process that calls it, real-time ones of the highest priority: two films
    at once then leave nobody else a turn, the worker that would cancel them included.
    """
    if _prctl is None or _capget is None or _capset is None:
        return False
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable: the first 32 capabilities, then the others
    _prctl(_PR_CAPBSET_DROP, _CAP_SYS_NICE, 0, 0, 0)  # refused to whoever could not gain it anyway
    if _capget(header, sets) != 0:
        return False
    for index in range(3):
        sets[index] &= ~(1 << _CAP_SYS_NICE)
    return bool(_capset(header, sets) == 0)


def adopt_orphans() -> bool:
    """Become the parent of every descendant whose own parent ends."""
    return _prctl is not None and _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def set_name(name: str) -> bool:
    """The name that `ps` and `top` show for this thread (15 bytes at most)."""
    return _prctl_text is not None and _prctl_text(_PR_SET_NAME, name.encode()[:15]) == 0


def open_without_links(path: str, flags: int) -> int | None:
    """Open `path` if no link lies on it (OSError with ELOOP if one does); None: not to be had here."""
    if _syscall is None:
        return None
    how = (ctypes.c_uint64 * 3)(flags, 0, _RESOLVE_NO_SYMLINKS)
    fd: int = _syscall(_OPENAT2, _AT_FDCWD, os.fsencode(path), how, ctypes.sizeof(how))
    if fd >= 0:
        return fd
    code = ctypes.get_errno()
    if code in _NOT_TO_BE_HAD:
        return None
    raise OSError(code, os.strerror(code), path)


def rename_no_replace(source_fd: int, source: str, folder_fd: int, name: str) -> bool:
    """Rename `source` of one open folder to `name` in another unless it exists (FileExistsError).

    False: not to be had here.
    """
    return _renamed(source_fd, source, folder_fd, name, _RENAME_NOREPLACE)


def exchange(one_fd: int, one: str, other_fd: int, other: str) -> bool:
    """Let two files of open folders swap their names in one step; False, and nothing done, where there is no such."""
    return _renamed(one_fd, one, other_fd, other, _RENAME_EXCHANGE)


def _renamed(source_fd: int, source: str, folder_fd: int, name: str, how: int) -> bool:
    if _renameat2 is None:
        return False
    if _renameat2(source_fd, os.fsencode(source), folder_fd, os.fsencode(name), how) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS):  # the filesystem or the kernel lacks it
        return False
    raise OSError(code, os.strerror(code), source, None, name)


def prefer_for_oom_kill(points: int) -> None:
    """Make the kernel take this process before others when memory runs out (0 to 1000)."""
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(fd, b"%d" % points)
    except OSError:
        pass  # a container may forbid it; the limit on memory still holds
    finally:
        os.close(fd)
