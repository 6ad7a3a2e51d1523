"""Landlock: the process gives up, for good, all files but those that it names. Linux 5.13 and newer.

It needs no privileges. What a kernel's version of it (its ABI) does not know is left out. See
https://docs.kernel.org/userspace-api/landlock.html.
"""

import contextlib
import os
import stat
import struct
from collections.abc import Iterable

from tutorial_lib.sandbox import kernel

_CREATE, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on all machines
_VERSION_FLAG = 1
_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_TRUNCATE, _IOCTL_DEVICE = 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
_BIND_AND_CONNECT_TCP = 0b11
_ABSTRACT_SOCKETS, _SIGNALS = 0b01, 0b10


def version() -> int:
    """The kernel's version of Landlock; 0 where there is none.

    Raises:
        OSError: never; a kernel without it counts as 0.
    """
    try:
        return kernel.syscall(_CREATE, None, 0, _VERSION_FLAG)
    except OSError:
        return 0


def limits_tcp(abi: int) -> bool:
    """Whether it can deny TCP connections."""
    return abi >= 4


def limits_signals(abi: int) -> bool:
    """Whether it can deny signals to processes outside, and abstract sockets of them."""
    return abi >= 6


def restrict(
    abi: int,
    *,
    readable: Iterable[str],
    listable: Iterable[str],
    devices: Iterable[str],
    writable: Iterable[str],
    network: bool,
) -> None:
    """Restrict this process and all that it starts. There is no way back.

    Args:
        abi: as `version` gave it, above 0.
        readable: files and folders to read and run, with all that is below them.
        listable: folders of which, and below which, only the names are to be seen.
        devices: files to read, write and control.
        writable: folders in which everything is permitted but to run a file or to make a device.
        network: whether TCP stays permitted.

    Raises:
        OSError: the kernel refused; this process is not restricted.
    """
    every = (1 << {1: 13, 2: 14}.get(abi, 15 if abi <= 4 else 16)) - 1
    fields = [every]
    if limits_tcp(abi):
        fields.append(0 if network else _BIND_AND_CONNECT_TCP)
    if limits_signals(abi):
        fields.append(_SIGNALS if network else _SIGNALS | _ABSTRACT_SOCKETS)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = kernel.syscall(_CREATE, attributes, len(attributes), 0)
    try:
        _permit(ruleset, readable, (_READ_FILE | _READ_DIR | _EXECUTE) & every)
        _permit(ruleset, listable, _READ_DIR)
        _permit(ruleset, devices, (_READ_FILE | _WRITE_FILE | _IOCTL_DEVICE) & every)
        _permit(ruleset, writable, every & ~(_EXECUTE | _MAKE_CHAR | _MAKE_BLOCK))
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        kernel.syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _permit(ruleset: int, paths: Iterable[str], rights: int) -> None:
    for path in paths:
        with contextlib.suppress(FileNotFoundError):  # a machine need not have all of them
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                here = rights if stat.S_ISDIR(os.fstat(fd).st_mode) else rights & _ON_FILES
                rule = struct.pack("=Qi", here, fd)
                kernel.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
            finally:
                os.close(fd)
