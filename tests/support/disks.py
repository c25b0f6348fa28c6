"""Disks of a test's own, which only root may mount: small ones to be full, and one whose power can be cut.

Where none may be mounted, `no_room` bounds the files of single processes; anybody may do that.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(path: Path, size: str) -> Iterator[Path]:
    """A disk of `size` (as mount writes it: 3m) at `path` for the time of the block; skips the test without one."""
    path.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("a small tmpfs cannot be mounted here: there is no program mount")
    if done.returncode:
        reason = done.stderr.strip().partition("\n")[0].rpartition(": ")[2]
        pytest.skip(f"a small tmpfs cannot be mounted here: {reason}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


@contextlib.contextmanager
def no_room(size: int, *pids: int) -> Iterator[None]:
    """Let processes, and what they start meanwhile, write no file beyond `size` bytes for the time of the block.

    A process id of 0 is this process. The kernel refuses with EFBIG, not with ENOSPC as a full disk does.
    """
    which = resource.RLIMIT_FSIZE
    before = {pid: resource.prlimit(pid, which) for pid in pids}
    try:
        for pid, (_, hard) in before.items():
            resource.prlimit(pid, which, (size, hard))
        yield
    finally:
        for pid, bounds in before.items():
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, which, bounds)


def fill(path: Path, leave: int = 0) -> None:
    """Make a file that takes all room of its disk but `leave` bytes."""
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        with contextlib.suppress(OSError):
            while True:
                os.write(descriptor, b"\0" * 4096)
        os.ftruncate(descriptor, max(os.fstat(descriptor).st_size - leave, 0))
    finally:
        os.close(descriptor)


class MortalDisk:
    """An ext4 of its own whose power can be cut: what was not flushed to it by then is gone when it is back."""

    _CUT = 0x8004587D  # EXT4_IOC_SHUTDOWN
    _FORGET = struct.pack("I", 2)  # its way without writing the journal out first

    def __init__(self, image: Path, path: Path) -> None:
        self.image = image
        self.path = path

    def start(self) -> str:
        """Mount it; why not, or nothing. Nothing of it is written by the clock alone, as it is every 5 s elsewhere."""
        command = ["mount", "-o", "loop,commit=900", str(self.image), str(self.path)]
        done = subprocess.run(command, capture_output=True, text=True)
        return (done.stderr.strip() or f"mount ended with {done.returncode}") if done.returncode else ""

    def cut(self) -> None:
        """Cut the power: from now on nothing is read or written."""
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(folder, self._CUT, self._FORGET)
        finally:
            os.close(folder)

    def stop(self) -> None:
        """Unmount it; every process that had a file open on it must have ended, and may be about to."""
        deadline = time.monotonic() + 20
        while (done := subprocess.run(["umount", str(self.path)], capture_output=True, text=True)).returncode:
            assert time.monotonic() < deadline, done.stderr
            time.sleep(0.05)

    def abandon(self) -> None:
        """Take it out of sight, mounted or not, whoever still has files open on it."""
        subprocess.run(["umount", "-l", str(self.path)], capture_output=True)


@contextlib.contextmanager
def mortal_disk(folder: Path, size: str) -> Iterator[MortalDisk]:
    """A disk of `size` (as truncate writes it: 64M) whose power can be cut; skips the test where there is none."""
    folder.mkdir()
    disk = MortalDisk(folder / "image", folder / "disk")
    disk.path.mkdir()
    try:
        subprocess.run(["truncate", "-s", size, str(disk.image)], check=True)
        subprocess.run(["mkfs.ext4", "-q", str(disk.image)], check=True, capture_output=True)
        why = disk.start()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no ext4 can be made here: {error}")
    if why:
        pytest.skip(f"an ext4 of its own cannot be mounted here: {why}")
    try:
        yield disk
        disk.stop()
    except BaseException:
        disk.abandon()
        raise
