"""The calls to the Linux kernel that Python has no names for. Elsewhere nothing here is called."""

import ctypes
import functools
import os
import struct
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_SET_SECCOMP = 22
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
CAP_DAC_READ_SEARCH = 2
_CAPSET_VERSION = 0x20080522
_SYS_CAPSET = {"x86_64": 126, "aarch64": 91}


@functools.cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def syscall(number: int, *arguments: Any) -> int:
    """A system call by its number. Whole numbers are passed as 64 bits.

    Raises:
        OSError: it failed.
    """
    passed = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(_libc().syscall(ctypes.c_long(number), *passed))


def prctl(option: int, value: Any = 0, more: Any = 0) -> int:
    """`prctl(2)`.

    Raises:
        OSError: it failed.
    """
    passed = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in (value, more, 0, 0)]
    return _checked(_libc().prctl(option, *passed))


def unshare(flags: int) -> None:
    """`unshare(2)`: namespaces of this process' own.

    Raises:
        OSError: it is not permitted here.
    """
    _checked(_libc().unshare(flags))


def keep_capabilities(*kept: int) -> None:
    """Give up all capabilities but these.

    Raises:
        OSError: one of them is not there to be kept, or this machine's call has no number here.
    """
    number = _SYS_CAPSET.get(os.uname().machine)
    if number is None:
        raise OSError(f"the number of capset(2) on {os.uname().machine} is not known")
    low = sum(1 << capability for capability in kept)
    head = struct.pack("=Ii", _CAPSET_VERSION, 0)
    # Effective, permitted and inheritable, the lower and then the upper 32 capabilities.
    syscall(number, head, struct.pack("=6I", low, low, 0, 0, 0, 0))
