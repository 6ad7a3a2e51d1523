"""The page that counts the blocks counts them right and is current."""

from __future__ import annotations

import pytest

from tools.reference import blocks_page

PAGE = """\
# One

```python
x = 1
```

<!--pytest.mark.skip(reason="needs a key")-->
```python
x = 2
```

<!--pytest.mark.skipif(os.name == "nt", reason="has no fork")-->
```python
x = 3
```

<!--pytest.mark.cuda-->
```python
x = 4
```

<!--pytest.mark.raises(ValueError)-->
<!--pytest.mark.cpu-->
```python
x = 5
```

<!--pytest-codeblocks:importorskip(nothing)-->
```python
draw()
```

![A curve](a.png)

```sh
true
```

```text
not run
```
"""


@pytest.fixture
def docs(tmp_path):
    docs = tmp_path / "docs"
    (docs / "chapters").mkdir(parents=True)
    (docs / "chapters/one.md").write_text(PAGE)
    (docs / "chapters/prose.md").write_text("# Prose\n")
    (tmp_path / "README.md").write_text("```python\nx = 1\n```\n")
    return docs


def test_the_blocks_are_counted(docs):
    lines = blocks_page.report(docs).splitlines()
    # blocks, on the CPU, on CUDA, skipped, errors, figures
    assert "| `README.md` | 1 | 1 | 1 | 0 | 0 | 0 |" in lines
    assert "| [One](../chapters/one.md) | 7 | 5 | 4 | 1 | 1 | 1 |" in lines
    assert "| **All pages** | 8 | 6 | 5 | 1 | 1 | 1 |" in lines
    assert not any("prose" in line for line in lines)


def test_each_skip_stands_there_with_its_reason(docs):
    link = "- [One](../chapters/one.md): "
    text = blocks_page.report(docs)
    assert link + "needs a key\n" in text
    assert link + "has no fork (if `os.name == 'nt'`)\n" in text
    assert link + "if `nothing` is not installed\n" in text
    (docs / "chapters/one.md").unlink()
    assert "None is skipped." in blocks_page.report(docs)


def test_a_stale_report_fails_the_check(docs, capsys):
    arguments = ["--docs", str(docs)]
    assert blocks_page.main([*arguments, "--check"]) == 1
    assert not (docs / "reference").exists()
    assert blocks_page.main(arguments) == 0
    assert blocks_page.main([*arguments, "--check"]) == 0
    page = docs / "chapters/one.md"
    page.write_text(page.read_text() + "```python\nx = 6\n```\n")
    capsys.readouterr()
    assert blocks_page.main([*arguments, "--check"]) == 1
    assert capsys.readouterr().out.endswith("mend with: python -m tools.reference.blocks_page\n")


def test_a_page_with_an_error_is_named(docs, capsys):
    (docs / "chapters/one.md").write_text("```py\nx\n```\n")
    assert blocks_page.main(["--docs", str(docs)]) == 1
    assert "docs/chapters/one.md:1: a Python fence" in capsys.readouterr().err


def test_the_committed_report_is_current(capsys):
    status = blocks_page.main(["--check"])
    printed = capsys.readouterr()
    assert status == 0, printed.out + printed.err


def test_a_page_that_the_site_shows_as_a_notebook_is_linked_as_one(docs):
    (docs / "chapters/one.ipynb").write_text("{}")
    assert "| [One](../chapters/one.ipynb) |" in blocks_page.report(docs)
