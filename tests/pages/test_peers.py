"""What needs the other libraries: `make test-peers` runs it in their environment, whose `bin` is in PEERS."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests import ROOT

PEERS = os.environ.get("PEERS")
pytestmark = [
    pytest.mark.skipif(not PEERS, reason="needs the environment of the other libraries: make test-peers"),
    pytest.mark.slow,
]


def test_every_peer_reads_and_edits_the_same_before_it_is_timed(tmp_path):
    out = tmp_path / "result.json"
    command = [
        Path(PEERS) / "python",
        "-m",
        "benchmarks.run",
        "--size",
        "tiny",
        "--rounds",
        "1",
        "--out",
        out,
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(out.read_text(encoding="utf-8"))
    size = result["sizes"]["tiny"]
    assert size["left_out"] == []
    assert all(peer["version"] or not peer["package"] for peer in result["peers"])
    # One library each at least reads every layer; those that can steer give the tokens of hooks by hand.
    reading = {row["library"] for row in size["variants"] if row["task"] == "all"}
    assert {peer["library"] for peer in result["peers"]} <= reading
    steering = {row["library"] for row in size["variants"] if row["task"] == "steer generation"}
    assert {"this library", "nnsight", "steering-vectors", "TransformerLens bridge"} <= steering
