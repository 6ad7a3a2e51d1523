"""A pytest plugin: `--block-report FILE` writes which blocks of the pages were run, for tools/site/stamps.py.

The file is JSON: the versions, the commit and its date, for each page the hash of its text, and for each
device how many blocks were run, skipped and failed, and the seconds. It is written as well when blocks
failed, and says so. With pytest-xdist the controller counts for all workers.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

PACKAGES = ("torch", "transformers")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--block-report", type=Path, metavar="FILE", help="write which blocks of the pages were run, as JSON"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.option.block_report and not hasattr(config, "workerinput"):
        if config.option.bake or os.environ.get("TUTORIAL_MODEL"):
            raise pytest.UsageError(
                "--block-report is about pages that are compared: no --bake, no TUTORIAL_MODEL"
            )
        config.pluginmanager.register(BlockReport(config), "block-report")


class BlockReport:
    """Keeps the outcome and the seconds of each block, and writes the counts when the session ends."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.seconds: dict[tuple[str, str], float] = {}  # by page and device
        self.outcomes: dict[tuple[str, str], dict[str, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties: Mapping[str, Any] = dict(report.user_properties)
        if not {"page", "device"} <= properties.keys():
            return
        place = properties["page"], properties["device"]
        self.seconds[place] = self.seconds.get(place, 0.0) + report.duration
        blocks = self.outcomes.setdefault(place, {})
        if report.outcome != "passed":
            blocks[report.nodeid] = report.outcome
        elif report.when == "call":
            blocks[report.nodeid] = "run"

    def pytest_sessionfinish(self) -> None:
        root = self.config.rootpath
        commit, _, date = _git(root, "show", "-s", "--format=%H %cs", "HEAD").partition(" ")
        pages: dict[str, dict[str, Any]] = {}
        for (name, device), blocks in sorted(self.outcomes.items()):
            digest = hashlib.sha256((root / name).read_bytes()).hexdigest()
            counts = {kind: list(blocks.values()).count(kind) for kind in ("run", "skipped", "failed")}
            page = pages.setdefault(name, {"sha256": digest, "devices": {}})
            page["devices"][device] = {**counts, "seconds": round(self.seconds[name, device], 1)}
        report = {
            "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
            "python": platform.python_version(),
            "commit": commit,
            "date": date,
            "cuda": _cuda_name(),
            "pages": pages,
        }
        to: Path = self.config.option.block_report
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8", newline="\n")


def _git(root: Path, *arguments: str) -> str:
    """What git says, nothing where there is no git or no repository."""
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _cuda_name() -> str | None:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None
