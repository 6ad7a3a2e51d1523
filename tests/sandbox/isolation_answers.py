"""The table of hostile answers, for an exercise that wants `double(x)`.

Each is put behind lines that tell it what it could not know so easily: PACKAGE, COPY, BASE, EXERCISE and
SECRET are paths (of this library, its copy, the grader's folder, the exercise, another student's file), JUDGE
and ZYGOTE processes.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tutorial_lib.checker import report

HONEST = "def double(x):\n    return 2 * x\n"

_FILES = {
    "exercise.toml": """
title = "Double"
chapter = "chapters/1-hook-basics.md"
difficulty = "easy"
minutes = 1
points = 1
answer = "double"
prerequisites = []
models = ["box", "gpt2"]
""",
    "task.md": "# Double",
    "starter.py": "def double(x):\n    raise NotImplementedError\n",
    "solution.py": HONEST + "# the solution of the instructor\n",
    "hints.md": "## One\n\nNone.\n",
    "observe.py": """
def observe(answer, case):
    return {"doubled": answer(case.normal(3, 4))}
""",
    "checks.py": """
from tutorial_lib.exercises.checking import check, expect_close


@check("it is twice as large")
def is_doubled(case, seen):
    expect_close(seen["doubled"], 2 * case.normal(3, 4), "what you returned")
""",
}


def exercise_folder(root: Path) -> Path:
    """Write the exercise below a folder; gives its own."""
    folder = root / "01_tests" / "double"
    folder.mkdir(parents=True)
    for name, text in _FILES.items():
        (folder / name).write_text(text)
    return folder


@dataclass(frozen=True)
class Hostile:
    """An answer that wishes the grader ill.

    Attributes:
        name: of the attack.
        source: of the answer.
        outcomes: what the report may say.
        says: must be in the report's message, or in what the answer printed.
        limits: other than usual.
    """

    name: str
    source: str
    outcomes: tuple[str, ...] = (report.FAILED,)
    says: str = ""
    limits: dict[str, Any] = field(default_factory=dict)


WRONG = "\ndef double(x):\n    return x\n"
CRASHED, EXITED, TIMED_OUT = (report.CRASHED,), (report.EXITED,), (report.TIMED_OUT,)
NO_MEMORY = (report.OUT_OF_MEMORY,)

_FORGE = """
import os, torch
from tutorial_lib.sandbox import wire
from tutorial_lib.checker.observing import Observation
def write_everywhere(data):
    for fd in range(256):
        try:
            os.write(fd, data)
        except OSError:
            pass
"""

HOSTILE = [
    # It says that it has passed.
    Hostile(
        "prints_a_forged_report",
        """
print('{"exercise": "01_tests/double", "outcome": "passed", "message": "", "first": null, "results": []}')
"""
        + WRONG,
    ),
    Hostile(
        "writes_forged_frames_to_every_open_file",
        _FORGE
        + """
write_everywhere(2 * wire.encode(Observation("seen", {"doubled": torch.zeros(3, 4)})))
os._exit(0)
""",
        says="other values",
    ),
    Hostile(
        "forges_a_frame_that_says_passed",
        _FORGE
        + """
write_everywhere(wire.encode(Observation("passed", {})))
os._exit(0)
""",
        CRASHED,
        says="unknown kind",
    ),
    Hostile(
        "writes_bytes_without_sense",
        _FORGE
        + """
write_everywhere(b"\\xff" * 1000)
os._exit(0)
""",
        CRASHED,
        says="cannot be read",
    ),
    Hostile(
        "forges_frames_before_the_true_ones",
        _FORGE
        + """
write_everywhere(wire.encode(Observation("seen", {"doubled": torch.zeros(3, 4)})))
"""
        + HONEST,
        (report.FAILED, report.CRASHED),
    ),
    Hostile(
        "sends_a_pickle",
        """
import os, pickle
class Evil:
    def __reduce__(self):
        return os.system, (f"touch {BASE}/jobs/pickled; touch {EXERCISE}/pickled",)
data = pickle.dumps(Evil())
for fd in range(3, 256):
    try:
        os.write(fd, data)
    except OSError:
        pass
os._exit(0)
""",
        CRASHED,
        says="cannot be read",
    ),
    Hostile(
        "returns_an_object_with_methods_of_its_own",
        """
import os, torch
class Evil:
    def __reduce__(self):
        return os.system, (f"touch {EXERCISE}/pickled",)
    def __eq__(self, other):
        return True
    def __repr__(self):
        raise SystemExit
    shape = torch.Size([3, 4])
def double(x):
    return Evil()
""",
        (report.FAILED, report.EXITED),
    ),
    Hostile(
        "returns_a_tensor_of_its_own_class",
        """
import torch
class Right(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True
    def __eq__(self, other):
        return True
def double(x):
    return x.as_subclass(Right)
""",
        (report.FAILED, report.CRASHED),
    ),
    # It ends before it can fail.
    Hostile("exits_with_success", "import sys\nsys.exit(0)\n", EXITED),
    Hostile("exits_at_once", "import os\nos._exit(0)\n", EXITED, "ended the process"),
    Hostile("exits_when_called", "import os\ndef double(x):\n    os._exit(0)\n", EXITED, "ended the process"),
    Hostile(
        "exits_on_the_second_model",
        "import os\nfrom pathlib import Path\nmark = Path('mark')\n"
        "def double(x):\n    mark.exists() and os._exit(0)\n    mark.touch()\n    return 2 * x\n",
        EXITED,
        "gpt2",
    ),
    Hostile("kills_itself", "import os\nos.kill(os.getpid(), 9)\n", CRASHED, "SIGKILL"),
    Hostile("brings_python_down", "import ctypes\nctypes.string_at(0)\n", CRASHED, "SIGSEGV"),
    Hostile("raises_a_keyboard_interrupt", "def double(x):\n    raise KeyboardInterrupt\n", CRASHED),
    Hostile(
        "closes_every_file",
        "import os\nos.closerange(0, 256)\n" + HONEST,
        (report.EXITED,),
        "ended the process",
    ),
    # It changes what judges.
    Hostile(
        "overwrites_files",
        """
import os, shutil
from pathlib import Path
done = []
for folder in (PACKAGE, COPY, EXERCISE, BASE, Path(SECRET).parent):
    for file in [Path(folder), Path(folder, "checks.py"), *Path(folder).rglob("*")]:
        for attack in (
            lambda: file.write_text("x = 1"),
            lambda: os.chmod(file, 0o777),
            lambda: os.unlink(file),
            lambda: os.rename(file, f"{file}.old"),
            lambda: os.symlink("/dev/null", f"{file}.link"),
            lambda: os.mkdir(f"{file}.new"),
            lambda: os.truncate(file, 0),
            lambda: shutil.rmtree(file),
        ):
            try:
                attack()
                done.append(str(file))
            except OSError:
                pass
print("changed", sorted({path for path in done if not path.startswith(str(Path.cwd()))}))
"""
        + WRONG,
        says="changed []",
    ),
    Hostile(
        "patches_the_engine",
        """
import torch
from tutorial_lib.exercises import checking
from tutorial_lib.checker import judging, observing, report
from tutorial_lib.sandbox import wire, grader, answer_process
yes = lambda *args, **kwargs: True
torch.equal = torch.allclose = torch.Tensor.__eq__ = checking.is_close = yes
checking.expect_close = checking.expect_same = lambda *args, **kwargs: None
judging.judge = grader.judge = lambda exercise, *args, **kwargs: report.Report(exercise.name, "passed")
report.Report.passed = True
report.FAILED = "passed"
answer_process.observe_source = observing.observe_source = \
    lambda *args, **kwargs: observing.Observation("passed")
"""
        + WRONG,
        (report.FAILED, report.CRASHED),
    ),
    # It does not end.
    Hostile("hangs", "def double(x):\n    while True:\n        pass\n", TIMED_OUT, limits={"seconds": 2}),
    Hostile(
        "hangs_and_ignores_signals",
        """
import signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    signal.pause()
""",
        TIMED_OUT,
        limits={"seconds": 2},
    ),
    Hostile(
        "stops_itself",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n",
        TIMED_OUT,
        limits={"seconds": 2},
    ),
    Hostile(
        "hangs_in_a_finalizer",
        """
import time
class Slow:
    def __del__(self):
        while True:
            time.sleep(1)
def double(x):
    slow = Slow()  # its last reference goes with the call: it does not wait for the garbage collector
    return 2 * x
""",
        TIMED_OUT,
        limits={"seconds": 2},
    ),
    Hostile(
        "hangs_at_exit",
        "import atexit, time\natexit.register(time.sleep, 10_000)\n" + WRONG,
        limits={"seconds": 20},
    ),
    Hostile(
        "hangs_in_a_message",
        """
class Error(Exception):
    def __str__(self):
        while True:
            pass
def double(x):
    raise Error
""",
        TIMED_OUT,
        limits={"seconds": 2},
    ),
    # It starts processes.
    Hostile(
        "forks",
        """
import os
def double(x):
    for _ in range(3):
        os.fork()
    return 2 * x + os.getpid() % 2 + 1
""",
        (report.FAILED, report.CRASHED),
    ),
    Hostile(
        "is_a_fork_bomb",
        """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
""",
        (report.CRASHED, report.TIMED_OUT),
        limits={"seconds": 5},
    ),
    Hostile(
        "starts_many_threads",
        """
import threading, time
threads = [threading.Thread(target=time.sleep, args=(100,), daemon=True) for _ in range(100)]
for thread in threads:
    thread.start()
"""
        + HONEST,
        CRASHED,
    ),
    Hostile(
        "leaves_a_daemon",
        """
import os, signal, time
def daemon():
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    os.closerange(0, 256)
    time.sleep(10_000)
    os._exit(0)
daemon()
"""
        + HONEST,
        CRASHED,
        "left a process",
    ),
    Hostile(
        "leaves_a_daemon_that_forks_on",
        """
import os, time
def daemon():
    if os.fork():
        return
    os.setsid()
    while True:
        try:
            if os.fork():
                os._exit(0)
        except OSError:
            pass
daemon()
time.sleep(0.2)
"""
        + HONEST,
        CRASHED,
        "left a process",
    ),
    # It takes what there is.
    Hostile("fills_memory_at_once", "def double(x):\n    return bytearray(4 << 30)\n", NO_MEMORY),
    Hostile(
        "fills_memory_with_a_tensor",
        "import torch\ndef double(x):\n    return torch.ones(1 << 30)\n",
        NO_MEMORY,
    ),
    Hostile(
        "fills_memory_slowly", "kept = []\nwhile True:\n    kept.append(bytearray(1 << 20))\n", NO_MEMORY
    ),
    Hostile(
        "fills_memory_in_many_processes",
        """
import os, time
for _ in range(8):
    if os.fork() == 0:
        kept = bytearray(b"x") * (200 << 20)
        time.sleep(1000)
time.sleep(1000)
""",
        NO_MEMORY,
        "512 MB",
    ),
    Hostile(
        "fills_memory_that_is_shared",
        """
import mmap
kept = []
while True:
    kept.append(mmap.mmap(-1, 64 << 20))
    kept[-1].write(b"x" * (64 << 20))
""",
        (report.OUT_OF_MEMORY, report.CRASHED),
    ),
    Hostile(
        "fills_the_disk_with_one_file",
        "with open('large', 'wb') as file:\n    while True:\n        file.write(b'x' * (1 << 20))\n",
        CRASHED,
        "File too large",
    ),
    Hostile(
        "fills_the_disk_with_many_files",
        """
import itertools
for number in itertools.count():
    with open(f"part{number}", "wb") as file:
        file.write(b"x" * (1 << 20))
""",
        CRASHED,
        "16 MB to disk",
    ),
    Hostile(
        "fills_the_disk_with_files_without_names",
        """
import os, time
kept = []
for number in range(20):
    kept.append(open(f"part{number}", "wb"))
    os.unlink(f"part{number}")
    kept[-1].write(b"x" * (4 << 20))
    kept[-1].flush()
time.sleep(1000)
""",
        CRASHED,
        "16 MB to disk",
    ),
    Hostile(
        "hides_files_in_deep_folders",
        """
import os, time
for _ in range(3000):
    os.mkdir("deep")
    os.chdir("deep")
open("file", "w").write("x")
os.mkdir("closed", 0)
time.sleep(1000)
""",
        CRASHED,
        "to disk",
    ),
    Hostile(
        "raises_its_limits",
        """
import resource
for name in ("AS", "NPROC", "FSIZE", "CPU"):
    try:
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (-1, -1))
        print("raised", name)
    except (OSError, ValueError):
        print("refused", name)
"""
        + WRONG,
        says="refused AS\nrefused NPROC\nrefused FSIZE\nrefused CPU",
    ),
    # It looks where it should not.
    Hostile(
        "reads_the_work_of_another_student",
        """
try:
    print(open(SECRET).read())
except OSError:
    print("refused")
"""
        + WRONG,
        says="refused",
    ),
    Hostile(
        "answers_with_the_solution",
        """
import builtins
for folder in (EXERCISE, f"{COPY}/tutorial_lib/exercises/01_tests/double"):
    try:
        exec(open(f"{folder}/solution.py").read())
    except OSError:
        print("refused")
if "double" not in globals():
    def double(x):
        return x
""",
        says="refused\nrefused",
    ),
    Hostile(
        "looks_for_solutions_and_checks",
        """
from pathlib import Path
found = []
for folder in (PACKAGE, COPY, EXERCISE, "/proc/1", f"/proc/{JUDGE}"):
    for name in ("solution.py", "checks.py", "wrong/*.py", "environ", "cwd/*"):
        for file in [*Path(folder).glob(f"exercises/*/*/{name}"), *Path(folder).glob(name),
                     *Path(folder).glob(f"tutorial_lib/exercises/*/*/{name}")]:
            try:
                file.read_bytes()
                found.append(str(file))
            except OSError:
                pass
print("found", found)
"""
        + WRONG,
        says="found []",
    ),
    Hostile(
        "opens_connections",
        """
import socket
def attempt(name, *steps):
    try:
        made = socket.socket(*steps)
        made.connect(("127.0.0.1", 9)) if name != "unix" else made.connect("/run/docker.sock")
        print("open", name)
    except (PermissionError, OSError) as error:
        print("refused" if isinstance(error, PermissionError) else f"other {error!r}", name)
attempt("tcp", socket.AF_INET, socket.SOCK_STREAM)
attempt("udp", socket.AF_INET, socket.SOCK_DGRAM)
attempt("tcp6", socket.AF_INET6, socket.SOCK_STREAM)
attempt("unix", socket.AF_UNIX, socket.SOCK_STREAM)
attempt("netlink", socket.AF_NETLINK, socket.SOCK_RAW)
"""
        + WRONG,
        says="refused tcp\nrefused udp\nrefused tcp6\nrefused unix\nrefused netlink",
    ),
    Hostile(
        "kills_its_parent",
        """
import os, signal
for target in (os.getppid(), ZYGOTE, JUDGE, -1, 1):
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP):
        try:
            os.kill(target, number)
            print("killed", target)
        except OSError:
            pass
for target in (ZYGOTE, JUDGE):
    try:
        os.killpg(os.getpgid(target), signal.SIGKILL)
        print("killed the group of", target)
    except OSError:
        pass
print("nobody")
"""
        + WRONG,
        says="nobody",
    ),
    Hostile(
        "reads_the_memory_of_its_parent",
        """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
print("attach", libc.ptrace(16, os.getppid(), 0, 0))
for name in ("mem", "maps", "environ"):
    try:
        open(f"/proc/{os.getppid()}/{name}", "rb").read(1)
        print("read", name)
    except OSError:
        print("refused", name)
"""
        + WRONG,
        says="attach -1\nrefused mem\nrefused maps\nrefused environ",
    ),
    Hostile(
        "becomes_another_user",
        """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
print("root", os.geteuid() == 0)
print("setuid", libc.setresuid(0, 0, 0), "unshare", libc.unshare(0x10000000), "chroot", libc.chroot(b"."))
"""
        + WRONG,
        says="setuid -1 unshare -1 chroot -1",
    ),
    # Its text is odd.
    Hostile("recurses_without_end", "def double(x):\n    return double(x)\n", CRASHED, "RecursionError"),
    Hostile("has_null_bytes", "x = 1\0\n" + HONEST, (report.SYNTAX_ERROR,)),
    Hostile("has_half_a_character", "x = '\ud800'\n" + HONEST, (report.SYNTAX_ERROR,)),
    Hostile(
        "is_nested_too_deep_for_the_compiler",
        "x = " + "(" * 100_000 + ")" * 100_000 + "\n" + HONEST,
        (report.SYNTAX_ERROR, report.CRASHED),
    ),
    Hostile(
        "overflows_the_compiler",
        "x = " + "-" * 500_000 + "1\n" + WRONG,
        (report.SYNTAX_ERROR, report.CRASHED, report.OUT_OF_MEMORY),
    ),
    Hostile(
        "is_huge", "x = 1\n" * 500_000 + WRONG, (report.FAILED, report.OUT_OF_MEMORY, report.SYNTAX_ERROR)
    ),
    Hostile("prints_half_a_character", "print('\\ud800')" + WRONG, says="\N{REPLACEMENT CHARACTER}"),
    # Its values are odd.
    Hostile(
        "returns_a_huge_tensor",
        "import torch\ndef double(x):\n    return torch.zeros(4_000_000)\n",
        CRASHED,
        "larger than 8 MB",
    ),
    Hostile("returns_a_tensor_of_nan", "def double(x):\n    return x * float('nan')\n", says="NaN"),
    Hostile("returns_a_sparse_tensor", "def double(x):\n    return (2 * x).to_sparse()\n", CRASHED),
    Hostile(
        "returns_a_tensor_without_values", "def double(x):\n    return x.to('meta')\n", (report.CRASHED,)
    ),
    Hostile("returns_a_very_large_number", "def double(x):\n    return 10 ** 5000\n", says="not a tensor"),
    Hostile(
        "returns_a_list_in_a_list_in_a_list",
        "def double(x):\n    for _ in range(5000):\n        x = [x]\n    return x\n",
        CRASHED,
    ),
    Hostile(
        "returns_a_list_of_itself", "def double(x):\n    x = []\n    x.append(x)\n    return x\n", CRASHED
    ),
]
