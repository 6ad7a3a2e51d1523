"""A filter of system calls, for those that no answer needs: sockets, other processes, other namespaces.

It denies what is on a list and permits the rest, since what Python, PyTorch and their C libraries call
differs between machines. It is a second line behind users, Landlock and namespaces, not a sandbox of its own.
"""

import ctypes
import errno
import os
import struct

from tutorial_lib.sandbox import kernel

# Architecture in the filter's data, and which of the two numbers of a call is its own.
_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_X32 = 0x40000000  # the other way to name each call on x86_64
_SECCOMP_MODE_FILTER = 2
_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in the filter's data
_NEW_NAMESPACES = 0x7E020000
_DATAGRAMS = (0xE, 2)  # mask and value of the types SOCK_DGRAM and SOCK_RAW, which are the same for AF_UNIX

# Name: number on x86_64, number on aarch64; None: the call does not exist there.
_DENIED: dict[str, tuple[int | None, int | None]] = {
    # Other processes.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "kcmp": (312, 272),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "tkill": (200, 130),
    "setpriority": (141, 140),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    # Namespaces, mounts, and ways to a file that pass by its path.
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    # What Landlock does not see, and an owner may do: modes, owners, times, attributes, and cutting off.
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    "truncate": (76, 45),
    # Memory that no limit of the process counts, and what outlives it.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    # Large parts of the kernel, for nothing an answer does. io_uring would also pass by this filter.
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "personality": (135, 92),
    # The machine itself.
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "quotactl": (179, 60),
    "acct": (163, 89),
    "syslog": (103, 116),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "iopl": (172, None),
    "ioperm": (173, None),
}
# A pair of connected sockets stays permitted, for pipes between threads; none can be made to reach others.
_NETWORK: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
}
_OTHERWISE = {  # refused with another error than EPERM, after which libraries take another way
    "clone3": ((435, 435), errno.ENOSYS),  # its flags cannot be seen here; clone's can
    "fallocate": ((285, 47), errno.EOPNOTSUPP),  # fills a disk in no time
}
_KILL_CALL, _TGKILL, _PRLIMIT, _CLONE = (62, 129), (234, 131), (302, 261), (56, 220)
_SOCKETPAIR, _SENDTO = (53, 199), (44, 206)


def why_not() -> str | None:
    """Why there can be no filter here, or None."""
    machine = os.uname().machine
    if machine not in _MACHINES:
        return f"the numbers of the system calls of {machine} are not known"
    try:
        kernel.prctl(
            kernel.PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, 0
        )  # no filter: EFAULT where there is seccomp
    except OSError as error:
        return None if error.errno in (errno.EFAULT, errno.EACCES) else f"the kernel has no seccomp ({error})"
    return None


def restrict(*, network: bool) -> None:
    """Filter the calls of this process and of all that it starts. There is no way back.

    Args:
        network: whether sockets stay permitted.

    Raises:
        OSError: the kernel refused.
    """
    code = program(os.uname().machine, os.getpid(), network=network)
    buffer = ctypes.create_string_buffer(code, len(code))
    head = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer)))
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, head)


def program(machine: str, pid: int, *, network: bool) -> bytes:
    """The filter as the kernel reads it: eight bytes an instruction.

    Args:
        machine: as `os.uname()` names it.
        pid: of the process, the only one to which it may send signals.
        network: whether sockets stay permitted.
    """
    architecture, column = _MACHINES[machine]
    out = [_op(_LOAD, _ARCHITECTURE), _op(_EQUAL, architecture, 1), _op(_RETURN, _KILL), _op(_LOAD, _NUMBER)]
    if machine == "x86_64":
        out += [_op(_AT_LEAST, _X32, 0, 1), _fail(errno.ENOSYS)]
    refused = {
        numbers[column]: errno.EPERM for numbers in (_DENIED if network else _DENIED | _NETWORK).values()
    }
    refused |= {numbers[column]: code for numbers, code in _OTHERWISE.values()}
    for number, code in refused.items():
        if number is not None:
            out += [_op(_EQUAL, number, 0, 1), _fail(code)]
    own = [_op(_LOAD, _ARGUMENTS), _op(_EQUAL, pid, 2), _op(_EQUAL, 0, 1), _fail(errno.EPERM)]
    # Zero is its own group, which holds nobody else: it is the leader of a session.
    for numbers in (_KILL_CALL, _TGKILL, _PRLIMIT):
        out += _on(numbers[column], own)
    out += _on(
        _CLONE[column], [_op(_LOAD, _ARGUMENTS), _op(_ANY_BIT, _NEW_NAMESPACES, 0, 1), _fail(errno.EPERM)]
    )
    if not network:
        # A pair of datagram sockets could send to an address, and so could sendto.
        mask, value = _DATAGRAMS
        kind = [_op(_LOAD, _ARGUMENTS + 8), _op(_AND, mask), _op(_EQUAL, value, 0, 1)]
        out += _on(_SOCKETPAIR[column], [*kind, _fail(errno.EPERM)])
        address = _ARGUMENTS + 4 * 8
        low, high = _op(_LOAD, address), _op(_LOAD, address + 4)
        out += _on(_SENDTO[column], [low, _op(_EQUAL, 0, 0, 2), high, _op(_EQUAL, 0, 1), _fail(errno.EPERM)])
    return b"".join([*out, _op(_RETURN, _ALLOW)])


def _on(number: int, block: list[bytes]) -> list[bytes]:
    """A block for one call, that fails the call or else permits it."""
    return [_op(_EQUAL, number, 0, len(block) + 1), *block, _op(_RETURN, _ALLOW)]


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _fail(code: int) -> bytes:
    return _op(_RETURN, _ERRNO | code)
