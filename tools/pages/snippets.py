"""A pytest plugin that runs the code of the pages: a page is one session, each of its blocks one test.

It stands on pytest-codeblocks: its flag `--codeblocks`, its parser and its comments. What it adds:

- A block is collected for `cpu` and `cuda`, with these marks; `$TUTORIAL_DEVICE` names the device.
- What it prints stands under it (`<!--pytest-codeblocks:expected-output-->`), what it draws as an image line.
- `<!--pytest.mark.NAME-->` before a block: `tools/pages/marks.py` has the names.
- `pytest --bake` writes outputs and figures into the pages.
- With `$TUTORIAL_MODEL` the code runs on another model. `--same-everywhere` compares the outputs that do not
  say `title="this model"`; `--label` writes this where they differ.

`scan` and `page` read a page, `session` runs its blocks, `state` keeps what they change in the process apart
for each page, `figures` and `bake` do what their names say.
"""

from __future__ import annotations

import difflib
import importlib.util
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest._code.code import ExceptionInfo, TerminalRepr
from pytest_codeblocks.plugin import MarkdownFile

from tools.pages.bake import Baking, label
from tools.pages.marks import DEVICES, FORMS
from tools.pages.page import Block, Page, PageError, read_page
from tools.pages.session import PageSession, Result, run_shell

BAKINGS = pytest.StashKey[dict[Path, Baking]]()
LABELS = pytest.StashKey[dict[Page, set[int]]]()
DESCRIPTIONS = {
    "cpu": "a page's block run on the CPU",
    "cuda": "runs on a CUDA device, skipped with a reason where there is none",
    "raises": "a page's block that must end in this error",
    "output_varies": "a page's block whose output is another one each time, and why",
    "slow": "takes more than ten seconds",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bake", action="store_true", help="run the pages, write outputs and figures into them")
    parser.addoption(
        "--same-everywhere",
        action="store_true",
        help="with TUTORIAL_MODEL: compare the outputs that do not say that they are of this model",
    )
    parser.addoption(
        "--label",
        action="store_true",
        help="with TUTORIAL_MODEL: label the outputs that this model does not print",
    )


def pytest_configure(config: pytest.Config) -> None:
    for name, text in DESCRIPTIONS.items():
        config.addinivalue_line("markers", f"{name}: {text}")
    config.stash[BAKINGS] = {}
    config.stash[LABELS] = {}
    if config.option.bake and other_model():
        raise pytest.UsageError("--bake writes what the model in the box prints: unset TUTORIAL_MODEL")
    if (config.option.label or config.option.same_everywhere) and not other_model():
        raise pytest.UsageError("--label and --same-everywhere need another model: set TUTORIAL_MODEL")


def pytest_report_header(config: pytest.Config) -> str | None:
    if not other_model():
        return None
    what = "outputs of this model" if config.option.same_everywhere else "outputs"
    return f"pages: TUTORIAL_MODEL={other_model()}: the code runs, {what} and figures are not compared"


def other_model() -> str | None:
    """The model that replaces the one in the box, and with it everything that is printed."""
    return os.environ.get("TUTORIAL_MODEL") or None


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Replace what pytest-codeblocks makes of a page; sample pages of the tests are no pages."""
    nodes = yield
    root = parent.config.rootpath
    pages = [node for node in nodes if isinstance(node, MarkdownFile)]
    others = [node for node in nodes if not isinstance(node, MarkdownFile)]
    if not pages or file_path.is_relative_to(root / "tests"):
        return others
    return [*others, PageFile.from_parent(parent, path=file_path)]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.option.bake:
        config.hook.pytest_deselected(items=[item for item in items if not isinstance(item, BlockItem)])
        items[:] = [item for item in items if isinstance(item, BlockItem)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for page, lines in config.stash[LABELS].items():
        page.path.write_text(label(page, lines), encoding="utf-8")
        terminalreporter.line(f"labelled {len(lines)} outputs of {page.name}")
    if config.option.bake:
        terminalreporter.section("pages written")
        done = [line for baking in config.stash[BAKINGS].values() for line in baking.write(config.rootpath)]
        for line in done or ["nothing changed"]:
            terminalreporter.line(line)


class PageFile(pytest.File):
    """A page; it reads as a collection error when something on it would not be tested."""

    def collect(self) -> Iterator[pytest.Item]:
        try:
            page = read_page(self.path, self.config.rootpath)
            yield from self._items(page)
        except PageError as error:
            raise self.CollectError(str(error)) from None

    def _items(self, page: Page) -> Iterator[pytest.Item]:
        reasons = {block.line: reason for block in page.blocks if (reason := self._skip_reason(page, block))}
        bake = self.config.option.bake
        if bake:
            lines = {b.line for b in page.blocks if "cpu" in b.devices and b.line not in reasons}
            self.config.stash[BAKINGS][page.path] = Baking(page, lines)
        for device in ("cpu",) if bake else DEVICES:
            blocks = [block for block in page.blocks if device in block.devices]
            python = [block for block in blocks if block.syntax == "python"]
            session = PageSession(page, device, [block for block in python if block.line not in reasons])
            self.config.add_cleanup(session.close)
            for block in blocks:
                name = f"line{block.line}[{device}]"
                item: BlockItem = BlockItem.from_parent(
                    self, name=name, page=page, block=block, page_session=session
                )
                item.add_marker(device)
                item.user_properties += [("page", page.name), ("device", device)]  # for --block-report
                item.add_marker(pytest.mark.xdist_group(f"{page.name}[{device}]"))  # one process, one session
                if block.marks.slow:
                    item.add_marker("slow")
                if block.line in reasons:
                    item.add_marker(pytest.mark.skip(reason=reasons[block.line]))
                yield item

    def _skip_reason(self, page: Page, block: Block) -> str | None:
        try:
            reason = block.marks.skip_reason()
        except Exception as error:
            text = f"{page.at(block.line)}: the condition of skipif cannot be evaluated: {error!r}"
            raise PageError(text) from None
        if reason is None and lacks_module(block):
            return f"needs {block.importorskip}, which is not installed"
        return reason


def lacks_module(block: Block) -> bool:
    """Whether the module of `<!--pytest-codeblocks:importorskip(module)-->` is not installed."""
    try:
        return block.importorskip is not None and importlib.util.find_spec(block.importorskip) is None
    except ModuleNotFoundError:  # of a package that is missing itself
        return True


class BlockItem(pytest.Item):
    """One block on one device."""

    def __init__(self, *, page: Page, block: Block, page_session: PageSession, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.page, self.block, self.page_session = page, block, page_session

    def setup(self) -> None:
        if self.page_session.device == "cuda":
            import torch

            if not torch.cuda.is_available():
                pytest.skip("no CUDA device")

    def runtest(self) -> None:
        if self.block.syntax == "python":
            result = self.page_session.run(self.block)
        else:
            result = run_shell(self.page, self.block, self.config.rootpath)
        if other_model():
            if self.config.option.label:
                self._label(result)
            elif self.config.option.same_everywhere and not self.block.of_this_model:
                check_output(self.page, self.block, result, self.page_session.device)
            return
        check_number_of_figures(self.page, self.block, result)
        if self.config.option.bake:
            if self.block.output and not result.output:
                where = self.page.at(self.block.line)
                raise PageError(f"{where}: prints nothing now; if that is meant, remove the output under it")
            self.config.stash[BAKINGS][self.page.path].record(self.block, result)
        else:
            check_output(self.page, self.block, result, self.page_session.device)
            check_figures(self.page, self.block, result)

    def _label(self, result: Result) -> None:
        expected = self.block.output
        if expected and expected.body != result.output and not self.block.of_this_model:
            self.config.stash[LABELS].setdefault(self.page, set()).add(self.block.line)

    def repr_failure(self, excinfo: ExceptionInfo[BaseException], style: Any = None) -> str | TerminalRepr:
        if isinstance(excinfo.value, PageError):
            return str(excinfo.value)
        excinfo.traceback = excinfo.traceback.cut(path=self.path)  # from the page on, without this plugin
        return super().repr_failure(excinfo, style="short")

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.block.line - 1, f"{self.page.at(self.block.line)} [{self.page_session.device}]"


def check_output(page: Page, block: Block, result: Result, device: str) -> None:
    """What the block printed is what a reader sees under it."""
    if block.marks.output_varies:
        return
    where = page.at(block.line)
    if block.output is None:
        if result.output:
            raise PageError(
                f"{where}: prints, but shows no output; pytest --bake {page.name} writes this under it:\n"
                f"{result.output}or say why it varies: <!--{FORMS['output_varies']}-->"
            )
        return
    if block.output.body != result.output:
        mend = f" (pytest --bake {page.name} writes it)" if device == "cpu" else f" on {device}"
        diff = difflib.unified_diff(
            block.output.body.splitlines(),
            result.output.splitlines(),
            f"{page.at(block.output.line)} (on the page)",
            f"{where} (printed on {device})",
            lineterm="",
        )
        raise PageError(f"{where}: prints something else than the page shows{mend}\n" + "\n".join(diff))


def check_number_of_figures(page: Page, block: Block, result: Result) -> None:
    """Each figure has its image line, and no image line is left over from a figure that is gone."""
    if len(result.figures) != len(block.figures):
        raise PageError(
            f"{page.at(block.line)}: figures drawn: {len(result.figures)}, image lines under the block: "
            f"{len(block.figures)}; each figure needs a line ![what it shows](picture.png)"
        )


def check_figures(page: Page, block: Block, result: Result) -> None:
    """The images on the page show what the block drew."""
    for figure, png in zip(block.figures, result.figures, strict=True):
        from tools.pages.figures import difference

        name = os.path.relpath(figure.path, page.path.parent)
        where = page.at(figure.line)
        if not figure.path.exists():
            raise PageError(f"{where}: there is no {name} yet: pytest --bake {page.name} draws it")
        if changed := difference(figure.path, png):
            raise PageError(f"{where}: the figure is not the one in {name}: {changed}")
