"""A process that talks in lines of JSON; what its users make of it is in their own tests."""

import os
import sys

import pytest

from tests.checker.test_local_runner import ends
from tutorial_lib.checker.json_process import JsonProcess

TALKS = """
import json, subprocess, sys
print("hello", flush=True)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
print(json.dumps({"pid": child.pid}), flush=True)
sys.stdin.readline()
sys.exit("oh")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no groups of processes")
def test_stopping_it_ends_all_that_it_started():
    process = JsonProcess("-c", TALKS, env={})
    assert process.wait() == {"line": b"hello\n"}, "a line that is no JSON is told, not skipped"
    pid = (process.wait() or {})["pid"]
    os.kill(pid, 0)
    assert process.stop() == -9
    assert ends(pid)
    assert not process._folder.exists()


def test_its_end_and_its_last_words_are_told():
    process = JsonProcess("-c", TALKS.replace("time.sleep(1000)", ""), env={})
    process.send({})
    while process.wait() is not None:
        pass
    assert process.errors().strip() == "oh"
    assert process.stop() == 1
