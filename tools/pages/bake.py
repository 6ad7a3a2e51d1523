"""`pytest --bake` and `--label`: write what the code printed and drew back into the pages."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from tools.pages.page import THIS_MODEL, Block, Page
from tools.pages.scan import scan
from tools.pages.session import Result

COMMENT = "<!--pytest-codeblocks:expected-output-->"


@dataclass
class Baking:
    """What is known about a page: the blocks that have to pass before it is written, and their results."""

    page: Page
    wanted: set[int]
    outputs: dict[int, str] = field(default_factory=dict)
    figures: dict[Path, bytes] = field(default_factory=dict)

    def record(self, block: Block, result: Result) -> None:
        """Keep the result of a block that passed."""
        from tools.pages.figures import difference

        self.outputs[block.line] = result.output
        for figure, png in zip(block.figures, result.figures, strict=True):
            # Another matplotlib sets text otherwise: an image is only new when it shows something else.
            if not figure.path.exists() or difference(figure.path, png, keep=False):
                self.figures[figure.path] = png

    def write(self, root: Path) -> list[str]:
        """Write the page and its figures if every block has passed; say what was done."""
        name, path = self.page.name, self.page.path
        if missing := sorted(self.wanted - self.outputs.keys()):
            lines = ", ".join(str(line) for line in missing)
            return [f"not written: {name}, because these blocks failed or did not run: line {lines}"]
        if path.read_text(encoding="utf-8") != self.page.text:
            return [f"not written: {name}, because it changed while its blocks ran"]
        done = []
        text = rewrite(self.page, self.outputs)
        if text != self.page.text:
            path.write_text(text, encoding="utf-8")
            done.append(f"wrote {name}")
        for figure, png in self.figures.items():
            figure.parent.mkdir(parents=True, exist_ok=True)
            figure.write_bytes(png)
            done.append(f"wrote {figure.relative_to(root) if figure.is_relative_to(root) else figure}")
        return done


def label(page: Page, lines: set[int]) -> str:
    """The text of the page with the label of this model on the outputs of the blocks at these lines."""
    text = page.text.split("\n")
    for block in page.blocks:
        if block.line in lines and block.output and not block.of_this_model:
            text[block.output.line - 1] = f"{text[block.output.line - 1].rstrip()} {THIS_MODEL}"
    return "\n".join(text)


def rewrite(page: Page, outputs: dict[int, str]) -> str:
    """The text of the page with these outputs, by the line of their block."""
    lines = page.text.split("\n")
    for block in reversed(page.blocks):  # from the bottom, so that the line numbers above stay true
        output = outputs.get(block.line, "")
        if not output or block.marks.output_varies:
            continue
        indent = block.fence.indent
        if old := block.output:
            info = old.info.strip()
            lines[old.line - 1 : old.end] = _fenced(output, old.indent, info)
        else:
            end = block.fence.end
            lines[end:end] = ["", indent + COMMENT, "", *_fenced(output, indent, "text")]
    text = "\n".join(lines)
    assert len(scan(text).fences) >= len(scan(page.text).fences), "an output broke the fences of the page"
    return text


def _fenced(output: str, indent: str, info: str) -> list[str]:
    """Fence an output; the fence is longer than any that the output itself holds."""
    longest = max((len(run) for run in re.findall(r"^\s*(`{3,})", output, re.M)), default=2)
    ticks = "`" * (longest + 1)
    body = [indent + line if line else "" for line in output.split("\n")[:-1]]
    return [f"{indent}{ticks}{info}", *body, f"{indent}{ticks}"]
