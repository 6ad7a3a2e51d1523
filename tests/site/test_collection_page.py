"""The page on collecting says what the committed result of its benchmark says."""

import json
import shutil

from tests import ROOT
from tools.measured import collection_page


def test_the_page_says_what_the_result_says(capsys):
    assert collection_page.main(["--check"]) == 0, capsys.readouterr().out


def test_a_number_that_was_changed_on_the_page_is_seen_and_mended(tmp_path, capsys):
    docs = tmp_path / "docs"
    (docs / "reference").mkdir(parents=True)
    for name in ("collecting.md", "collecting-memory.svg"):
        shutil.copy(ROOT / "docs" / "reference" / name, docs / "reference" / name)
    page = docs / "reference" / "collecting.md"
    text = page.read_text(encoding="utf-8")
    memory = json.loads((ROOT / "benchmarks/results/collection/cpu.json").read_text())["memory"]
    tokens = f"{memory['sizes'][-1]['tokens']:,}"
    assert tokens in text
    page.write_text(text.replace(tokens, "1"), encoding="utf-8")
    options = ["--docs", str(docs)]
    assert collection_page.main(["--check", *options]) == 1
    assert "stale: docs/reference/collecting.md" in capsys.readouterr().out
    assert collection_page.main(options) == 0
    assert page.read_text(encoding="utf-8") == text
