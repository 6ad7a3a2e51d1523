"""Each layer of isolation alone: together they hide each other's holes."""

import errno
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox.isolation_answers import exercise_folder
from tutorial_lib.sandbox import (
    Limits,
    answer_folder,
    confine,
    landlock,
    library_copy,
    protections,
    seccomp,
    users,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the layers are Linux's own")
LAYERS = ("own process", "limits", "own network", "own user", "no new privileges", "files", "system calls")
ATTEMPT = """
import os, socket, subprocess, sys, threading
def attempt(name, run):
    try:
        run()
        print(name, "done")
    except OSError as error:
        print(name, error.errno)
"""

PLAN = """
from pathlib import Path
from tutorial_lib.sandbox import Limits
from tutorial_lib.sandbox import confine, library_copy, users
limits = Limits(seconds=7, memory_mb=100, processes=5, disk_mb=3)
plan = confine.Confinement(limits, Path("."), users.User(1, "a user"), library_copy.Paths((), (), ()), "cpu")
"""


def run(code: str, *arguments: object) -> dict[str, str]:
    """Run code in a new Python; what it printed, as names and results."""
    done = subprocess.run(
        [sys.executable, "-c", ATTEMPT + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(library_copy.PACKAGE.parent)},
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())  # type: ignore[misc]


def test_landlock_alone_leaves_no_file_but_those_named(tmp_path: Path) -> None:
    if landlock.version() == 0:
        pytest.skip("this kernel has no Landlock, or it is switched off")
    (tmp_path / "home").mkdir()
    (tmp_path / "named").mkdir()
    (tmp_path / "named" / "file").write_text("x")
    (tmp_path / "other").write_text("x")
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = run(
            """
from tutorial_lib.sandbox import landlock
root, port, parent = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
landlock.restrict(landlock.version(), readable=[root + "/named"], listable=[], devices=["/dev/null"],
                  writable=[root + "/home"], network=False)
attempt("read named", lambda: open(root + "/named/file").read())
attempt("write named", lambda: open(root + "/named/file", "a"))
attempt("read other", lambda: open(root + "/other").read())
attempt("list", lambda: os.listdir(root))
attempt("remove other", lambda: os.unlink(root + "/other"))
attempt("write home", lambda: open(root + "/home/file", "w").write("x"))
attempt("remove home", lambda: os.unlink(root + "/home/file"))
attempt("device", lambda: open("/dev/null", "w").write("x"))
attempt("connect", lambda: socket.create_connection(("127.0.0.1", port)))
attempt("signal", lambda: os.kill(parent, 0))
""",
            tmp_path,
            server.getsockname()[1],
            os.getpid(),
        )
    refused = str(errno.EACCES)
    assert found == {
        "read named": "done",
        "write named": refused,
        "read other": refused,
        "list": refused,
        "remove other": refused,
        "write home": "done",
        "remove home": "done",
        "device": "done",
        "connect": refused if landlock.limits_tcp(landlock.version()) else "done",
        "signal": str(errno.EPERM) if landlock.limits_signals(landlock.version()) else "done",
    }


def test_the_filter_alone_refuses_sockets_and_signals_and_lets_threads_and_programs_be(
    tmp_path: Path,
) -> None:
    if reason := seccomp.why_not():
        pytest.skip(reason)
    file = tmp_path / "file"
    file.write_text("x")
    found = run(
        """
from tutorial_lib.sandbox import seccomp
parent = int(sys.argv[1])
seccomp.restrict(network=False)
attempt("tcp", lambda: socket.socket(socket.AF_INET))
attempt("unix", lambda: socket.socket(socket.AF_UNIX))
pair = socket.socketpair()
attempt("pair", lambda: pair[0].send(b"x"))
attempt("datagrams", lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
attempt("raw", lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_RAW))
attempt("signal", lambda: os.kill(parent, 0))
attempt("everybody", lambda: os.kill(-1, 0))
attempt("itself", lambda: os.kill(os.getpid(), 0))
attempt("memory file", lambda: os.memfd_create("x"))
thread = threading.Thread(target=print, args=("thread done",))
thread.start()
thread.join()
attempt("program", lambda: subprocess.run([sys.executable, "-c", "import ctypes"], check=True))
def space():
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x10000000) < 0:
        raise OSError(ctypes.get_errno(), "unshare")
attempt("namespace", space)
attempt("mode", lambda: os.chmod(sys.argv[2], 0))
attempt("time", lambda: os.utime(sys.argv[2]))
attempt("cut off", lambda: os.truncate(sys.argv[2], 0))
""",
        os.getpid(),
        file,
    )
    refused = str(errno.EPERM)
    assert file.read_text() == "x"
    assert found == {
        "tcp": refused,
        "unix": refused,
        "pair": "done",
        "datagrams": refused,
        "raw": refused,
        "signal": refused,
        "everybody": refused,
        "itself": "done",
        "memory file": refused,
        "thread": "done",
        "program": "done",
        "namespace": refused,
        "mode": refused,
        "time": refused,
        "cut off": refused,
    }


def verdict(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """What the kernel would say to a call, from the filter's instructions."""
    data = struct.pack("=iIQ6Q", number, architecture, 0, *(*arguments, *(6 - len(arguments)) * (0,)))
    code = list(struct.iter_unpack("=HBBI", program))
    at, value = 0, 0
    while True:
        operation, if_true, if_false, k = code[at]
        at += 1
        if operation == 0x20:
            value = int.from_bytes(data[k : k + 4], "little")
        elif operation == 0x54:
            value &= k
        elif operation == 0x06:
            return k
        else:
            holds = {0x15: value == k, 0x35: value >= k, 0x45: bool(value & k)}[operation]
            at += if_true if holds else if_false


@pytest.mark.parametrize(
    ("machine", "architecture", "read", "calls"),
    [
        (
            "x86_64",
            0xC000003E,
            0,
            dict(socket=41, kill=62, clone=56, pair=53, send=44, ptrace=101, limit=302, chmod=268),
        ),
        (
            "aarch64",
            0xC00000B7,
            63,
            dict(socket=198, kill=129, clone=220, pair=199, send=206, ptrace=117, limit=261, chmod=53),
        ),
    ],
)
def test_the_filter_is_right_on_both_machines(
    machine: str, architecture: int, read: int, calls: dict[str, int]
) -> None:
    closed, opened = (seccomp.program(machine, 77, network=network) for network in (False, True))
    allowed, refused, killed = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000

    def says(name: str, *arguments: int) -> int:
        return verdict(closed, architecture, calls[name], *arguments)

    assert verdict(closed, architecture, read, 0, 0, 0) == allowed
    assert verdict(closed, 0x40000003, read) == killed, "a call in the 32-bit manner"
    assert says("ptrace") == refused
    assert says("chmod") == refused
    assert says("socket", 2, 1, 0) == refused
    assert verdict(opened, architecture, calls["socket"], 2, 1, 0) == allowed
    assert says("kill", 77, 9) == allowed
    assert says("kill", 0, 9) == allowed
    assert says("kill", 78, 9) == refused
    assert says("kill", 2**64 - 1, 9) == refused
    assert says("limit", 78) == refused
    assert says("clone", 0x3D0F00) == allowed, "a thread"
    assert says("clone", 0x10000011) == refused, "a user namespace"
    assert says("pair", 1, 1 | 0x80000) == allowed
    assert says("pair", 1, 2 | 0x80000) == refused
    assert says("send", 3, 0, 0, 0, 0, 0) == allowed
    assert says("send", 3, 0, 0, 0, 1 << 40, 16) == refused
    if machine == "x86_64":
        assert verdict(closed, architecture, 0x40000000 | 41, 2, 1, 0) != allowed, "a call in the x32 manner"


def test_a_network_of_its_own_alone_reaches_nobody() -> None:
    layer = next(one for one in protections() if one.name == "own network")
    if not layer.on:
        pytest.skip(layer.detail)
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = run(
            PLAN
            + """
confine._own_network(plan)
attempt("connect", lambda: socket.create_connection(("127.0.0.1", int(sys.argv[1]))))
""",
            server.getsockname()[1],
        )
    assert found == {"connect": str(errno.ENETUNREACH)}


def test_another_user_alone_reads_no_private_file_and_starts_no_more_processes_than_it_may(
    tmp_path: Path,
) -> None:
    user = users.choose_user(("/usr",))
    if user.uid is None:
        pytest.skip(user.detail)
    private = tmp_path / "private"
    private.write_text("x")
    private.chmod(0o600)
    found = run(
        """
import resource, time
uid = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NPROC, (3, 3))
os.setgroups([])
os.setresgid(uid, uid, uid)
os.setresuid(uid, uid, uid)
attempt("read", lambda: open(sys.argv[1]).read())
attempt("signal", lambda: os.kill(os.getppid(), 0))
children = []
def fork():
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    children.append(pid)
for name in ("first", "second", "third"):
    attempt(name, fork)
for pid in children:
    os.kill(pid, 9)
""",
        private,
        user.uid,
    )
    assert found == {
        "read": str(errno.EACCES),
        "signal": str(errno.EPERM),
        "first": "done",
        "second": "done",
        "third": str(errno.EAGAIN),
    }


def test_limits_are_those_that_were_asked_for() -> None:
    found = run(
        PLAN
        + """
import math, resource, time
before = confine._address_space()
print("USED", math.ceil(time.process_time()))
confine._limits(plan)
for name in ("CORE", "FSIZE", "CPU", "NOFILE", "NPROC"):
    print(name, resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[1])
print("AS", resource.getrlimit(resource.RLIMIT_AS)[1] - before)
def large():
    try:
        bytearray(200_000_000)
    except MemoryError:
        raise OSError(12, "") from None
attempt("memory", large)
"""
    )
    assert 0 <= int(found.pop("AS")) - 100_000_000 < 10_000_000
    # Seven seconds, one to be told and one to end, beyond what was used; a second may just have begun.
    assert int(found.pop("CPU")) - 9 - int(found.pop("USED")) in (0, 1)
    assert found == {
        "CORE": "0",
        "FSIZE": "3000000",
        "NOFILE": "128",
        "NPROC": "5",
        "memory": str(errno.ENOMEM),
    }


def test_what_an_answer_may_read_has_no_solution_and_no_check_in_it(tmp_path: Path) -> None:
    paths = library_copy.permitted_paths(tmp_path, library_copy.PACKAGE, "cpu")
    judges = [
        *library_copy.PACKAGE.glob("exercises/[0-9]*/*/*.py"),
        library_copy.PACKAGE / "exercises" / "judging.py",
    ]
    assert len(judges) > 3
    for file in judges:
        parents = {str(path) for path in (file, *file.parents)}
        assert parents.isdisjoint(paths.readable), file


def test_an_installed_library_is_cut_out_of_the_folder_of_packages(tmp_path: Path) -> None:
    for name in ("torch", "tutorial_lib", "tutorial_lib_extra"):
        (tmp_path / "lib" / "site-packages" / name).mkdir(parents=True)
    (tmp_path / "lib" / "site-packages" / "six.py").touch()
    (tmp_path / "lib" / "os.py").touch()
    site = tmp_path / "lib" / "site-packages"
    readable: list[str] = []
    listable: list[str] = []
    library_copy._carve(str(tmp_path / "lib"), {str(site / "tutorial_lib")}, readable, listable)
    assert set(readable) == {
        str(path)
        for path in (site / "torch", site / "tutorial_lib_extra", site / "six.py", tmp_path / "lib" / "os.py")
    }
    assert listable == [str(tmp_path / "lib"), str(site)]


def test_the_copy_of_the_library_has_the_engine_and_no_exercise(tmp_path: Path) -> None:
    library_copy.copy_library(tmp_path / "copy")
    copied = {
        path.relative_to(tmp_path / "copy" / "tutorial_lib") for path in (tmp_path / "copy").rglob("*.py")
    }
    assert Path("checker/observing.py") in copied
    assert Path("interventions.py") in copied
    assert {path.parts[0] for path in copied if len(path.parts) > 1} >= {"checker", "exercises", "sandbox"}
    assert not [path for path in copied if path.parts[0] == "course"]
    assert not [path for path in copied if path.parts[0] == "exercises" and len(path.parts) > 2]
    assert not [path for path in copied if path.name == "solution.py" or "wrong" in path.parts]
    assert (tmp_path / "copy" / "tutorial_lib" / "tiny_model" / "weights" / "model.safetensors").is_file()
    modes = {path.stat().st_mode & 0o222 for path in (tmp_path / "copy").rglob("*")}
    assert modes == {0}


def test_a_home_goes_whatever_is_in_it_and_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    folder = tmp_path / "home"
    answer_folder.make_home(folder, None)
    (folder / "link").symlink_to(outside)
    before = os.getcwd()
    try:
        os.chdir(folder)
        for number in range(2_000):
            os.mkdir("deep")
            Path(f"file{number}").touch()
            os.chdir("deep")
    finally:
        os.chdir(before)
    (folder / "deep" / "link").symlink_to(outside)
    (folder / "deep" / "file1").chmod(0)
    (folder / "deep" / "deep").chmod(0)
    (folder / "deep").chmod(0)
    answer_folder.remove_home(folder)
    assert not folder.exists()
    assert (outside / "kept").read_text() == "x"


def test_what_a_home_holds_is_counted_and_what_hides_it_is_too_much(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    answer_folder.make_home(folder, None)
    assert answer_folder.used_mb(folder) == 0
    (folder / "a").mkdir()
    (folder / "a" / "large").write_bytes(b"x" * 5_000_000)
    assert 4.9 < answer_folder.used_mb(folder) < 5.2
    (folder / "link").symlink_to("/")
    assert answer_folder.used_mb(folder) < 5.2
    for number in range(10_001):
        (folder / f"small{number}").touch()
    assert answer_folder.used_mb(folder) == float("inf")


def test_the_layers_in_force_are_found_without_loading_torch() -> None:
    code = (
        "import sys\nfrom tutorial_lib.sandbox import protections\n"
        "found = protections()\nprint(*(one.name for one in found), sep='/')\nprint('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["/".join(LAYERS), "False"]


def test_a_layer_that_is_off_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plan = confine.Confinement(
        Limits(), tmp_path, users.User(None, "who it was"), library_copy.Paths((), (), ()), "cpu"
    )
    monkeypatch.setattr(landlock, "version", lambda: 0)
    assert not confine._files(plan).on
    assert "no Landlock" in confine._files(plan).detail
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "", "", "", "riscv64")))
    assert "riscv64" in confine._system_calls(plan).detail
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert "not root" in users.choose_user(("/",)).detail
    network = next(one for one in protections(Limits(network=True)) if one.name == "own network")
    assert network.detail == "the limits permit the network"


@pytest.mark.parametrize("name", ["seconds", "memory_mb", "processes", "disk_mb", "output_mb"])
def test_a_limit_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} = 0 must be above zero"):
        Limits(**{name: 0})


def test_the_exercise_of_these_tests_is_outside_of_what_answers_read(tmp_path: Path) -> None:
    folder = exercise_folder(tmp_path)
    paths = library_copy.permitted_paths(tmp_path / "copy", library_copy.PACKAGE, "cpu")
    assert {str(path) for path in (folder, *folder.parents)}.isdisjoint(paths.readable)
