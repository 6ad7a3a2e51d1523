"""Grade an answer that may be hostile: it runs in a process of its own, the judge in another.

    with Grader(Limits(seconds=30)) as grader:
        report = grader.grade(exercise, source, seed=1)

Two things keep a verdict honest. The judge never runs, imports or unpickles anything of an answer: from its
process come plain values and tensors, in a format that holds nothing else, and the judge compares them with
what it computes itself. And an answer's process has never had what it could cheat with in its memory or in
its reach: checks, hidden checks, solutions, wrong answers, other students' files.

What that process gives up before the answer's code runs, and `protections()` says which of it is in force
here:

    own process         forked from a clean one that has never seen an answer; ended with all that it started
                        after the limit of time, of memory, of processes or of disk space
    limits              of memory, processor time, file sizes, open files, processes; no core files
    own user            when the grader is root: a number that no file and no other process has
    files               Landlock: reads Python, the packages and a copy of this library without its exercises;
                        writes only its own folder, which is removed afterwards
    own network         a network namespace with nothing in it
    system calls        seccomp: no sockets, no signals to other processes, no new namespaces or mounts, no
                        modes and owners of files
    no new privileges   no program can give back what was given up

If a layer that was there for the first answer cannot be had for a later one, that one is not run.

What this does NOT protect against:

- A fault in the kernel or in Python's and PyTorch's native code. Landlock, seccomp and namespaces share the
  kernel with you. For more, run the grader in a container or a virtual machine that holds nothing else.
- A machine without the layers. On macOS and Windows there is a process with what limits Python can set, and
  the comparison of values; an answer can read your files, open connections and leave processes behind. On
  Linux without root the answer runs as you, so Landlock and seccomp alone stand before your files and
  processes; where neither is there, it can do all that you can. Landlock before version 3 (Linux 6.2)
  cannot deny that files are cut off when they are opened.
- Right values that were come by in another way. An answer shares its process with `observe.py` and the
  case, and may look at both: it can compute there what is expected, if it can compute it. True and false
  and texts are easily forged, so checks should compare tensors on fresh random inputs. A hidden
  `observe.py` is seen too; hidden checks are not.
- Checks that break on strange values. The judge hands them what was sent: look at shapes first
  (`expect_tensor`), since adding a column to a row of a million can take all memory.
- Copying from each other, and telling by the time or the load of the machine what others do.
- Using the processor: a limit of time is a limit for each answer.
- A GPU. Its driver needs devices and folders that a CPU does not, and memory on it is not limited.
"""

from typing import TYPE_CHECKING, Any

from tutorial_lib.sandbox.layers import protections
from tutorial_lib.sandbox.limits import Limits, Protection

if TYPE_CHECKING:
    from tutorial_lib.sandbox.grader import Grader

__all__ = ["Grader", "Limits", "Protection", "protections"]


def __getattr__(name: str) -> Any:
    """`Grader`, which needs torch: asking for the layers should not wait for it."""
    if name != "Grader":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tutorial_lib.sandbox.grader import Grader

    return Grader
