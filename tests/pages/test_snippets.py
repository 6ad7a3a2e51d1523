"""The plugin that runs the pages turns red for each mistake that a page can have.

Each test writes small pages and runs pytest on them in this process, which also shows that what a page does
to the process stays with the page.
"""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pytest
import torch
from matplotlib import pyplot as plt

# pytester forgets the modules that a run within a run imports, and torch cannot be imported twice.
import tools.pages.figures
import tools.pages.state
from tools.pages.page import read_page
from tools.pages.scan import scan
from tools.pages.snippets import BlockItem

pytest_plugins = ["pytester"]
OUTPUT = "<!--pytest-codeblocks:expected-output-->"
CURVE = """\
import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(3, 2), layout="constrained")
ax.plot([1, 2, 3], [1, 4, 9])
ax.set_title("Squares")
"""


def block(code, output=None, *, mark="", under=""):
    """A block of a page, with its mark before it and its output and image line under it."""
    text = f"<!--{mark}-->\n" if mark else ""
    text += f"```python\n{textwrap.dedent(code).strip()}\n```\n\n"
    if output is not None:
        text += f"{OUTPUT}\n```\n{output}\n```\n\n"
    return text + under + ("\n" if under else "")


@pytest.fixture
def write(pytester, monkeypatch):
    """Write pages below the folder of the test."""
    monkeypatch.delenv("TUTORIAL_MODEL", raising=False)
    monkeypatch.delenv("TUTORIAL_DEVICE", raising=False)
    temporary = pytester.mkdir("tmp")
    monkeypatch.setattr("tempfile.tempdir", str(temporary))  # where images that differ are kept

    def write(text, name="docs/page.md"):
        path = pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def run(pytester):
    """Run pytest with the plugin in the folder of the test; on the CPU, if nothing else is asked for."""

    def run(*arguments, device="cpu"):
        options = [
            "--codeblocks",
            "--strict-markers",
            "-p",
            "tools.pages.snippets",
            "-p",
            "no:cacheprovider",
            "-ra",
        ]
        chosen = ["-m", device] if device else []
        return pytester.runpytest_inprocess(*options, *chosen, *(arguments or ["docs"]))

    return run


@pytest.fixture
def check(write, run):
    """Run one page; return the run."""

    def check(text, *arguments, **options):
        write(text)
        return run(*arguments, **options)

    return check


def figure_line(alt="Squares"):
    return f"![{alt}](figure.png){{ width=300 }}\n"


# A page is one session


def test_the_blocks_of_a_page_share_their_names(check):
    check(block("x = 2") + "Text.\n\n" + block("print(x)", "2")).assert_outcomes(passed=2)


def test_two_pages_share_nothing(write, run):
    write(block("x = 2"), "docs/a.md")
    write(block("print(x)", "2"), "docs/b.md")
    result = run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["E   NameError: name 'x' is not defined*"])


def test_items_are_named_by_page_line_and_device(check, pytester):
    check("# A\n\n" + block("x = 2"), "--collect-only", "-q", "docs", device=None).stdout.fnmatch_lines(
        ["docs/page.md::line3[[]cpu[]]", "docs/page.md::line3[[]cuda[]]"]
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about machines without CUDA")
def test_cuda_is_skipped_with_a_reason_without_a_device(check):
    result = check(block("x = 2"), device="cuda")
    result.assert_outcomes(skipped=1, deselected=1)
    result.stdout.fnmatch_lines(["SKIPPED*no CUDA device"])


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_blocks_of_a_page_run_on_cuda(check):
    code = 'import os, torch\nprint(torch.zeros(1, device=os.environ["TUTORIAL_DEVICE"]).device.type)'
    check(block(code, "cuda"), device="cuda").assert_outcomes(passed=1, deselected=1)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_random_numbers_of_the_device_stay_with_the_page(write, run):
    look = "import torch\nprint(torch.initial_seed() >= 0, torch.rand(1, device='cuda').item() == first)"
    seeded = "torch.Generator('cuda').manual_seed(0)"
    first = f"import torch\nfirst = torch.rand(1, generator={seeded}, device='cuda').item()"
    write(block("import torch\ntorch.cuda.manual_seed_all(7)"), "docs/a.md")
    write(block(first) + block(look, "True True"), "docs/b.md")
    run(device="cuda").assert_outcomes(passed=3, deselected=3)


def test_with_a_device_the_blocks_run_a_second_time_on_it(check, monkeypatch):
    """Stands in for the test above on a machine without CUDA."""
    for name, value in {"is_available": True, "is_initialized": False, "init": None}.items():
        monkeypatch.setattr(torch.cuda, name, lambda value=value: value)
    code = 'import os\nprint(os.environ["TUTORIAL_DEVICE"])'
    page = block(code, "cuda", mark="pytest.mark.cuda") + block("x = 1") + block(code, "cpu")
    result = check(page, device=None)
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["docs/page.md:16: *shows on cuda", "+++ docs/page.md:16 (printed on cuda)"])


def test_the_device_is_in_the_environment_while_a_block_runs(check):
    check(block('import os\nprint(os.environ["TUTORIAL_DEVICE"])', "cpu")).assert_outcomes(passed=1)
    assert "TUTORIAL_DEVICE" not in os.environ


def test_one_block_alone_first_runs_those_above_it(check):
    page = block("x = 2") + block("x += 1") + block("print(x)", "3") + block("1 / 0")
    check(page, "docs/page.md::line9[cpu]", device=None).assert_outcomes(passed=1)


def test_blocks_in_any_order_run_once_and_from_top_to_bottom(write, run, pytester):
    pytester.makeconftest("def pytest_collection_modifyitems(items): items.reverse()")
    count = "open('count', 'a').write('x')"  # each block would count itself again if it ran again
    write(
        block(count) + block(f"{count}\nprint(open('count').read())", "xx") + block("print(len('xx'))", "2")
    )
    run().assert_outcomes(passed=3)


def test_the_blocks_after_a_failed_one_are_skipped_with_its_line(check):
    result = check(block("x = 1") + block("1 / 0") + block("x") + block("x"))
    result.assert_outcomes(passed=1, failed=1, skipped=2)
    result.stdout.fnmatch_lines(["SKIPPED*line 5 of this page failed"])


def test_a_wrong_output_does_not_stop_the_page(check):
    check(block("print(1)", "2") + block("x = 1")).assert_outcomes(failed=1, passed=1)


def test_a_block_that_fails_above_the_selected_one_is_shown(check):
    result = check(block("1 / 0") + block("x = 1"), "docs/page.md::line5[cpu]", device=None)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["docs/page.md:2: in <module>", "E   ZeroDivisionError*"])


def test_pages_below_tests_are_samples(write, run):
    write(block("1 / 0"), "tests/data/sample.md")
    write(block("x = 1"))
    run("tests", "docs").assert_outcomes(passed=1)


# Failures lead to the line of the page


def test_a_traceback_shows_the_line_of_the_page(check):
    page = '=== "Tab"\n\n' + textwrap.indent(block("def f(n):\n\n    return 1 / n\n\n\nf(0)"), "    ")
    result = check(page)
    result.stdout.fnmatch_lines(
        ["docs/page.md:9: in <module>", "    f(0)", "docs/page.md:6: in f", "    return 1 / n", "E   Zero*"]
    )
    result.stdout.no_fnmatch_line("*pages?session*")


def test_a_syntax_error_names_the_line_of_the_page(check):
    check("\n\n" + block("x = 1\nif x")).stdout.fnmatch_lines(["E *page.md*, line 5", "*SyntaxError*"])


def test_the_source_of_a_function_of_a_page_can_be_read(check):
    code = "import inspect\n\ndef f(n):\n    return n\n\nprint(inspect.getsource(f))"
    check(block(code, "def f(n):\n    return n\n")).assert_outcomes(passed=1)


def test_a_page_is_main_and_its_functions_can_be_pickled(check):
    code = """
        import pickle
        def f(): return 3
        if __name__ == "__main__":
            print(pickle.loads(pickle.dumps(f))())
    """
    check(block(code, "3")).assert_outcomes(passed=1)


# What a block prints


def test_a_wrong_output_is_shown_as_a_diff(check):
    result = check("# A\n\n" + block("print('one')\nprint('two')", "one\nthree"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "docs/page.md:3: *--bake*",
            "--- docs/page.md:9 (on the page)",
            "+++ docs/page.md:3*",
            " one",
            "-three",
            "+two",
        ]
    )


@pytest.mark.parametrize("output", ["1 ", " 1", "1\n", "\n1"])
def test_outputs_are_compared_exactly(check, output):
    check(block("print(1)", output)).assert_outcomes(failed=1)


def test_a_print_without_a_line_end_is_shown_as_a_line(check):
    check(block("print(1, end='')", "1")).assert_outcomes(passed=1)


def test_a_progress_bar_shows_its_last_state(check):
    check(block(r"print('10 %\r100 %')", "100 %")).assert_outcomes(passed=1)


def test_blank_lines_of_an_indented_output_count(check):
    page = "- item\n\n" + textwrap.indent(block("print('a\\n\\nb')", "a\n\nb"), "    ")
    check(page).assert_outcomes(passed=1)


def test_a_block_that_prints_must_show_it(check):
    result = check(block("print(1)"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["docs/page.md:1: prints, but shows no output*"])


def test_an_output_that_nothing_prints_is_an_error(check):
    check(block("x = 1", "1")).assert_outcomes(failed=1)


def test_a_page_may_say_that_an_output_varies(check):
    mark = 'pytest.mark.output_varies(reason="a time")'
    check(block("import time\nprint(time.time())", mark=mark)).assert_outcomes(passed=1)


def test_what_goes_to_stderr_is_no_output(check):
    check(block("import sys, warnings\nwarnings.warn('w')\nprint('e', file=sys.stderr)")).assert_outcomes(
        passed=1, warnings=1
    )


def test_another_model_runs_the_code_and_compares_nothing(check, monkeypatch):
    monkeypatch.setenv("TUTORIAL_MODEL", "gpt2")
    page = block("print(1)", "2") + block("print(3)") + block(CURVE) + block("1 / 0")
    result = check(page)
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["pages: TUTORIAL_MODEL=gpt2*not compared"])


# Errors that a page announces


def test_an_announced_error_is_the_last_line_of_the_output(check):
    code = "print('before')\nraise ValueError('two\\nlines')"
    page = block(code, "before\nValueError: two\nlines", mark="pytest.mark.raises(ValueError)")
    check(page + block("x = 1")).assert_outcomes(passed=2)


def test_the_message_of_an_announced_error_is_compared(check):
    mark = "pytest.mark.raises(ValueError)"
    result = check(block("raise ValueError('new')", "ValueError: old", mark=mark))
    result.stdout.fnmatch_lines(["-ValueError: old", "+ValueError: new"])


def test_an_error_of_the_page_itself_can_be_announced(check):
    code = "class Wrong(Exception): pass\nraise Wrong('x')"
    check(block(code, "Wrong: x", mark="pytest.mark.raises(Wrong)")).assert_outcomes(passed=1)


def test_not_raising_fails(check):
    result = check(block("x = 1", "ValueError: x", mark="pytest.mark.raises(ValueError)"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["docs/page.md:2: should raise ValueError, but raised nothing"])


def test_raising_another_error_fails_and_names_both(check):
    result = check(block("x = 1\nx['a']", "ValueError: x", mark="pytest.mark.raises(ValueError)"))
    result.stdout.fnmatch_lines(["docs/page.md:4: should raise ValueError, but raised TypeError: 'int'*"])


# Marks


def test_a_skip_carries_its_reason_and_the_block_never_runs(check):
    page = block("1 / 0", mark='pytest.mark.skip(reason="needs a key")') + block("x = 1")
    result = check(page)
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*docs/page.md: needs a key"])


@pytest.mark.parametrize(
    ("condition", "skipped"),
    [("True", 1), ("sys.version_info < (3,)", 0), ("torch.cuda.device_count() < 99", 1)],
)
def test_a_skip_may_have_a_condition(check, condition, skipped):
    mark = f'pytest.mark.skipif({condition}, reason="so")'
    check(block("x = 1", mark=mark)).assert_outcomes(skipped=skipped, passed=1 - skipped)


def test_a_missing_module_is_a_reason(check):
    result = check(block("import nothing", mark="pytest-codeblocks:importorskip(nothing)") + block("x = 1"))
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*needs nothing, which is not installed"])


@pytest.mark.parametrize(
    ("mark", "devices"), [("cpu", {"cpu"}), ("cuda", {"cuda"}), ("slow", {"cpu", "cuda"})]
)
def test_a_block_may_be_for_one_device(check, mark, devices, pytester, write):
    write(block("x = 1", mark=f"pytest.mark.{mark}"))
    items, _ = pytester.inline_genitems("docs", "--codeblocks", "-p", "tools.pages.snippets")
    assert {item.page_session.device for item in items if isinstance(item, BlockItem)} == devices
    assert all(item.get_closest_marker(mark) for item in items)


@pytest.mark.parametrize(
    ("mark", "message"),
    {
        "an unknown mark": (
            "pytest.mark.skipped",
            "*unknown mark*skipped*may use cpu, cuda, output_varies, raises*",
        ),
        "a call on a mark": ("pytest.mark.skip.with_args()", "*unknown mark*"),
        "no Python": ("pytest.mark.skip(reason=)", "*not Python*"),
        "a skip without a reason": ("pytest.mark.skip", "*write the mark skip as*reason=*"),
        "a skip with an empty reason": ('pytest.mark.skip(reason=" ")', "*needs a reason*"),
        "a condition without a reason": ("pytest.mark.skipif(True)", "*write the mark skipif as*"),
        "a condition as a string": ('pytest.mark.skipif("True", reason="x")', "*as an expression*"),
        "a condition that fails": (
            'pytest.mark.skipif(open("x"), reason="x")',
            "*cannot be evaluated*NameError*",
        ),
        "varies without a reason": ("pytest.mark.output_varies", "*write the mark output_varies as*"),
        "raises what": ("pytest.mark.raises", "*write the mark raises as*"),
        "raises by a call": ("pytest.mark.raises(type(x))", "*write the mark raises as*"),
        "a bare skip": ("pytest-codeblocks:skip", "*pytest-codeblocks:skip: say why*"),
        "a bare skipif": ("pytest-codeblocks:skipif(True)", "*pytest-codeblocks:skipif: say why*"),
        "an error without a name": ("pytest-codeblocks:expect-error", "*name the error*"),
        "whitespace": ("pytest-codeblocks:expected-output-ignore-whitespace", "*compared exactly*"),
        "an unknown keyword": ("pytest-codeblocks:expected_output", "*Unknown pytest-codeblocks keyword*"),
        "a misspelt mark": ("pytest.marks.cuda", "*a comment to the tests is one line*"),
        "cont": ("pytest-codeblocks:cont", "*share their names already*"),
    }.values(),
)
def test_a_wrong_mark_is_an_error_of_the_page(check, mark, message):
    result = check(block("x = 1") + block("x = 2", mark=mark))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([message])


def test_all_problems_of_a_page_are_listed(check):
    result = check(block("1", mark="pytest.mark.a") + block("2", mark="pytest.mark.b"))
    result.stdout.fnmatch_lines(["docs/page.md:2: unknown mark*", "docs/page.md:7: unknown mark*"])


# The guard: what looks like tested code is tested


@pytest.mark.parametrize(
    "opening",
    [
        "```py",
        "``` python",
        "~~~python",
        '```python title="a.py"',
        "```python hl_lines=1",
        "```{ .python .annotate }",
        "```{.py}",
        "```Python",
        "```python3",
        "```ipython",
        "```pycon",
        "```python-repl",
        "> ```python",
        "- ```python",
        "1. ```python",
    ],
)
def test_a_python_fence_that_no_test_would_run_is_an_error(check, opening):
    fence = opening.lstrip("->1. ")[:3]
    lead = opening[: opening.index(fence)]
    rest = lead if ">" in lead else " " * len(lead)
    result = check(f"# A\n\n{opening}\nx = 1\n{rest}{fence}\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["docs/page.md:3: a Python fence that no test would run*"])


def test_a_page_that_skips_itself_is_an_error(check):
    check("<!--pytest-codeblocks:skipfile-->\n" + block("x = 1")).assert_outcomes(errors=1)


def test_the_output_fence_that_is_lost_does_not_swallow_a_block(check):
    result = check(block("print(1)") + OUTPUT + "\n\nText instead of a fence.\n\n" + block("1 / 0"))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["docs/page.md:5: no output follows*", "docs/page.md:9: a Python fence*"])


def test_the_mark_whose_block_is_lost_does_not_move_on_to_the_next(check):
    result = check('<!--pytest.mark.skip(reason="x")-->\n\nText.\n\n' + block("x = 1"))
    result.stdout.fnmatch_lines(["docs/page.md:1: no block follows*"])


def test_an_output_under_an_illustration_is_an_error(check):
    result = check(block("print(1)") + f"```text\na\n```\n\n{OUTPUT}\n```\n1\n```\n")
    result.stdout.fnmatch_lines(["docs/page.md:9: an expected output stands under the block*"])


def test_a_mark_before_an_illustration_is_an_error(check):
    check("<!--pytest.mark.slow-->\n```text\na\n```\n").stdout.fnmatch_lines(
        ["*:1: the fence after this*not run*"]
    )


def test_a_block_that_readers_do_not_see_is_an_error(check):
    result = check("<!-- hidden\n" + block("x = 1") + "-->\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["docs/page.md:2: a block that would run although*"])


def test_backticks_that_end_a_block_too_early_are_an_error(check):
    result = check(block('x = """\n```text\na\n```text\n"""'))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["docs/page.md:1: where this block ends is unclear*"])


def test_a_fence_that_never_ends_is_an_error(check):
    check("```python\nx = 1\n").assert_outcomes(errors=1)


def test_a_longer_fence_shows_markdown_and_runs_nothing(check):
    page = f"````md\n{block('1 / 0', '1', mark='pytest.mark.nothing')}````\n\n" + block("x = 1")
    check(page).assert_outcomes(passed=1)


def test_prose_may_speak_of_the_comments(check):
    check("Write `<!--pytest.marks-->` before ` ```py `.\n\n" + block("x = 1")).assert_outcomes(passed=1)


def test_front_matter_is_no_page(check):
    check("---\ntitle: <!--pytest:x\n---\n" + block("x = 1")).assert_outcomes(passed=1)


def test_illustrations_are_not_run(check):
    page = "```text\n1 / 0\n```\n\n```\n1 / 0\n```\n\n```python-traceback\nx\n```\n\n"
    page += "> ```text\n> 1 / 0\n> ```\n\n"
    check(page + block("x = 1")).assert_outcomes(passed=1)


# Shell blocks


def test_a_shell_block_runs_once_in_the_repository_with_this_python(check, pytester):
    page = f"```sh\npwd\nwhich python\n```\n{OUTPUT}\n```\n{pytester.path}\n{{}}\n```\n"
    page = page.format(Path(os.sys.executable).parent / "python")
    check(page, device=None).assert_outcomes(passed=1)


def test_a_shell_block_fails_at_its_first_failing_command(check):
    result = check("```bash\necho one\nfalse\ntrue\n```\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["docs/page.md:1: a command ended with code 1", "one"])


@pytest.mark.parametrize("mark", ["pytest.mark.cuda", "pytest.mark.raises(ValueError)"])
def test_a_mark_that_a_shell_block_cannot_have_is_an_error(check, mark):
    check(f"<!--{mark}-->\n```sh\ntrue\n```\n").assert_outcomes(errors=1)


# The state of the process

LEAKS = {
    "random": ("import random; random.seed(7)", "import random; print(random.random())"),
    "numpy": ("import numpy as np; np.random.seed(7)", "import numpy as np; print(np.random.rand())"),
    "numpy printing": (
        "import numpy as np; np.set_printoptions(precision=2)",
        "import numpy as np; print(np.array([0.12345]))",
    ),
    "numpy errors": ("import numpy as np; np.seterr(all='ignore')", "import numpy as np; print(np.geterr())"),
    "torch": ("import torch; torch.manual_seed(7)", "import torch; print(torch.rand(1))"),
    "gradients": (
        "import torch; torch.set_grad_enabled(False)",
        "import torch; print(torch.is_grad_enabled())",
    ),
    "anomalies": (
        "import torch; torch.autograd.set_detect_anomaly(True)",
        "import torch; print(torch.is_anomaly_enabled())",
    ),
    "dtype": (
        "import torch; torch.set_default_dtype(torch.float64)",
        "import torch; print(torch.ones(1).dtype)",
    ),
    "device": ("import torch; torch.set_default_device('meta')", "import torch; print(torch.ones(1).device)"),
    "matmul": (
        "import torch; torch.set_float32_matmul_precision('medium')",
        "import torch; print(torch.get_float32_matmul_precision())",
    ),
    "deterministic": (
        "import torch; torch.set_deterministic_debug_mode('warn')",
        "import torch; print(torch.are_deterministic_algorithms_enabled())",
    ),
    "cudnn": (
        "import torch; torch.backends.cudnn.benchmark = True",
        "import torch; print(torch.backends.cudnn.benchmark)",
    ),
    "torch printing": (
        "import torch; torch.set_printoptions(precision=2)",
        "import torch; print(torch.tensor([0.12345]))",
    ),
    "global hooks": (
        "from torch.nn.modules import module; module.register_module_forward_hook(lambda *_: print('hook'))",
        "import torch; print('called', torch.nn.Linear(1, 1)(torch.ones(1)).shape)",
    ),
    "environment": ("import os; os.environ['A_PAGE'] = '1'", "import os; print('A_PAGE' in os.environ)"),
    "folder": (
        "import os; os.mkdir('x'); os.chdir('x')",
        "import os; print(os.path.basename(os.getcwd()) == 'x')",
    ),
    "files": ("open('file', 'w').close()", "import os; print(os.listdir())"),
    "sys.path": ("import sys; sys.path.append('a_page')", "import sys; print('a_page' in sys.path)"),
    "sys.argv": ("import sys; sys.argv = ['a_page']", "import sys; print(sys.argv)"),
    "warnings": (
        "import warnings; warnings.simplefilter('error')",
        "import warnings; print(warnings.filters[0][0])",
    ),
    "rcParams": (
        "import matplotlib as m; m.rcParams['lines.linewidth'] = 9",
        "import matplotlib as m; print(m.rcParams['lines.linewidth'])",
    ),
}


@pytest.mark.parametrize(("leave", "look"), LEAKS.values(), ids=LEAKS)
def test_state_that_a_page_leaves_on_stays_with_the_page(write, run, leave, look):
    """The second page prints what it prints alone, while the first sees its own change; also interleaved."""
    seen = f"import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as alone:\n    {look}\n"
    first = write(block("pass") + block(leave) + block(look), "docs/a.md")
    second = write(block("pass") + block(seen) + block(look), "docs/b.md")
    run("--bake", "docs/b.md")
    alone = second.read_text()
    run("--bake", "docs")
    assert second.read_text() == alone
    assert alone.split("```")[-2] != first.read_text().split("```")[-2]
    lines = [
        f"docs/{page}.md::line{block.line}[cpu]"
        for n in range(3)
        for page, block in (
            ("a", read_page(first, first.parent).blocks[n]),
            ("b", read_page(second, second.parent).blocks[n]),
        )
    ]
    run(*lines, device=None).assert_outcomes(passed=6)


def test_a_page_starts_the_same_whatever_a_test_left_on(write, run, pytester):
    pytester.makepyfile(
        test_first="import torch\ndef test_it(): torch.set_grad_enabled(False); torch.manual_seed(9)"
    )
    write(block("import torch\nprint(torch.is_grad_enabled(), torch.initial_seed() >= 0)", "True True"))
    try:
        run("test_first.py", "docs", device=None).assert_outcomes(passed=2, skipped=1)
        assert not torch.is_grad_enabled()  # the page gave back what it found
    finally:
        torch.set_grad_enabled(True)


def test_a_block_that_fails_gives_the_process_back(check):
    before = os.getcwd(), torch.get_rng_state()
    check(
        block(
            """
            import os, torch
            os.chdir("/")
            os.environ["A"] = "1"
            torch.rand(1)
            torch.set_grad_enabled(False)
            1 / 0
            """
        )
    )
    assert os.getcwd() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])
    assert "A" not in os.environ
    assert torch.is_grad_enabled()


def test_what_a_page_writes_litters_nothing(check, pytester):
    check(block("open('litter', 'w').close()")).assert_outcomes(passed=1)
    assert not list(pytester.path.rglob("litter"))


# Figures


@pytest.fixture
def drawn(write, run, pytester):
    """A page with a figure, baked."""
    page = write(block(CURVE, under=figure_line()))
    run("--bake").assert_outcomes(passed=1)
    assert (pytester.path / "docs/figure.png").exists()
    return page


def test_a_figure_that_is_on_the_page_passes(drawn, run):
    run().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("9]", "8.7]"),
        ("Squares", "Cubes"),
        ("[1, 4", "[4, 1"),
        ("(3, 2)", "(3, 3)"),
        ('"Squares")', '"Squares"); ax.axhline(5)'),
    ],
)
def test_a_changed_figure_is_an_error_and_leaves_the_page_alone(drawn, run, pytester, old, new):
    files = sorted((pytester.path / "docs").iterdir())
    drawn.write_text(drawn.read_text().replace(old, new))
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["docs/page.md:9: the figure is not the one in figure.png*", "both images*figures-*"]
    )
    assert sorted((pytester.path / "docs").iterdir()) == files


def test_a_figure_of_another_matplotlib_is_compared_by_what_it_shows(drawn, run, pytester, monkeypatch):
    monkeypatch.setattr(tools.pages.figures, "VERSION", "0.1")
    monkeypatch.setitem(
        plt.rcParamsDefault, "font.family", ["serif"]
    )  # sets text otherwise, as another version does
    run().assert_outcomes(passed=1)
    run("--bake").stdout.fnmatch_lines(["nothing changed"])
    drawn.write_text(drawn.read_text().replace("9]", "8.7]"))
    run().stdout.fnmatch_lines(["*changed: axes 1, limits (numbers), axes 1, Line2D 1 (numbers)*"])


def test_other_pixels_of_the_same_matplotlib_are_an_error(drawn, run, monkeypatch):
    monkeypatch.setitem(plt.rcParamsDefault, "font.family", ["serif"])
    run().stdout.fnmatch_lines(["*grey levels apart*"])


@pytest.mark.parametrize(
    ("draw", "changed"),
    [
        ("ax.imshow([[1, 2], [3, 4]])", "ax.imshow([[1, 2], [3, 5]])"),
        ("ax.bar([1, 2], [3, 4])", "ax.bar([1, 2], [3, 4.2])"),
        ("ax.scatter([1, 2], [3, 4])", "ax.scatter([1, 2], [4, 3])"),
        ("ax.fill_between([1, 2], [3, 4])", "ax.fill_between([1, 2], [4, 3])"),
        ("ax.pcolormesh([[1, 2], [3, 4]])", "ax.pcolormesh([[1, 2], [4, 3]])"),
        ("ax.text(0.5, 0.5, 'a')", "ax.text(0.5, 0.5, 'b')"),
        ("ax.plot([1, 2], label='a'); ax.legend()", "ax.plot([1, 2], label='b'); ax.legend()"),
        ("ax.plot([1, 2], color='C0')", "ax.plot([1, 2], color='C1')"),
        ("ax.plot([1, 2])", "ax.plot([1, 2]); ax.plot([2, 1])"),
    ],
)
def test_what_a_figure_shows_is_told_apart(draw, changed):
    def shows(code):
        fig, ax = plt.subplots()
        exec(code, {"ax": ax})
        found = tools.pages.figures.contents(fig)
        plt.close(fig)
        return found

    assert tools.pages.figures._changes(shows(draw), shows(draw)) is None
    assert tools.pages.figures._changes(shows(draw), shows(changed))


def test_a_figure_without_an_image_line_is_an_error(check):
    result = check(block(CURVE))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["docs/page.md:1: figures drawn: 1, image lines under the block: 0*"])


def test_an_image_line_that_nothing_draws_is_an_error(check):
    check(block("x = 1", under=figure_line())).stdout.fnmatch_lines(["*figures drawn: 0, image lines*: 1*"])


def test_an_image_further_down_is_not_a_figure(check):
    check(block("x = 1") + "Text.\n\n" + figure_line(alt="")).assert_outcomes(passed=1)


def test_a_figure_needs_alt_text(check):
    result = check(block(CURVE, under=figure_line(alt=" ")))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["docs/page.md:1: *needs alt text*"])


def test_an_image_that_does_not_exist_yet_is_an_error(check):
    check(block(CURVE, under=figure_line())).stdout.fnmatch_lines(
        ["docs/page.md:9: there is no figure.png*--bake*"]
    )


def test_two_figures_cannot_share_an_image(check):
    check(block(CURVE, under=figure_line()) * 2).stdout.fnmatch_lines(
        ["*figure.png stands on the page twice"]
    )


def test_figures_are_white_and_name_no_version_to_readers(drawn, pytester):
    from PIL import Image

    image = Image.open(pytester.path / "docs/figure.png")
    assert image.convert("RGBA").getpixel((0, 0)) == (255, 255, 255, 255)
    assert image.size == (3 * 144, 2 * 144)
    assert "Software" not in image.info


def test_figures_are_closed_after_each_block(check):
    page = block(CURVE, under=figure_line()) + block("print(plt.get_fignums())", "[]")
    check(page, "docs/page.md::line11[cpu]", device=None).assert_outcomes(passed=1)
    assert not plt.get_fignums()


# --bake

DRAFT = (
    block("print('a\\n\\nb')")
    + '=== "Tab"\n\n'
    + textwrap.indent(block("print('c\\n\\nd')") + block("print(5)", "4"), "    ", lambda line: line.strip())
    + block("print('```')\nprint('e')", "old\nold\nold")
    + block("raise ValueError('f')", mark="pytest.mark.raises(ValueError)")
    + block("import time\nprint(time.time())", mark='pytest.mark.output_varies(reason="a time")')
    + block("print('never')", mark='pytest.mark.skip(reason="x")')
    + block("print('gpu')", "the GPU", mark="pytest.mark.cuda")
    + block(CURVE + "print('figure')", under=figure_line())
    + "```sh\necho shell\n```\n\nThe end.\n"
)


# Another model


LABELLED = f'{OUTPUT}\n```text title="this model"\n12\n```\n'


def test_an_output_without_a_label_is_the_same_on_every_model(check, monkeypatch):
    monkeypatch.setenv("TUTORIAL_MODEL", "gpt2")
    page = block("print(11)", "12") + "```python\nprint(13)\n```\n\n" + LABELLED
    result = check(page, "--same-everywhere", "docs")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["docs/page.md:1: prints something else*", "-12", "+11"])


def test_an_output_with_a_label_is_compared_on_the_model_in_the_box(check):
    check("```python\nprint(13)\n```\n\n" + LABELLED).assert_outcomes(failed=1)


def test_label_marks_the_outputs_that_differ_and_no_other(check, monkeypatch, pytester):
    monkeypatch.setenv("TUTORIAL_MODEL", "gpt2")
    page = block("print(12)", "12") + block("print(11)", "12") + "```python\nprint(13)\n```\n\n" + LABELLED
    check(page, "--label", "docs").stdout.fnmatch_lines(["labelled 1 outputs of docs/page.md"])
    text = (pytester.path / "docs/page.md").read_text()
    assert text.count('``` title="this model"\n12') == 1
    assert text.count('title="this model"') == 2
    assert "print(12)\n```\n\n" + OUTPUT + "\n```\n12" in text


@pytest.mark.parametrize("option", ["--label", "--same-everywhere"])
def test_what_is_about_another_model_needs_one(check, option):
    result = check(block("x = 1"), option, "docs")
    result.stderr.fnmatch_lines(["*need another model: set TUTORIAL_MODEL*"])


def test_bake_writes_the_outputs_and_figures_and_then_changes_nothing(write, run, pytester):
    page = write(DRAFT)
    result = run("--bake")
    result.assert_outcomes(passed=8, skipped=1)
    result.stdout.fnmatch_lines(["wrote docs/page.md", "wrote docs/figure.png"])
    text, stamp = page.read_text(), (pytester.path / "docs/figure.png").stat().st_mtime_ns
    outputs = {
        each.fence.body.split("\n")[0]: each.output and each.output.body
        for each in read_page(page, page).blocks
    }
    assert list(outputs.values()) == [
        "a\n\nb\n",
        "c\n\nd\n",
        "5\n",
        "```\ne\n",
        "ValueError: f\n",
        None,
        None,
        "the GPU\n",
        "figure\n",
        "shell\n",
    ]
    assert "    ```text\n    c\n\n    d\n    ```\n" in text
    assert "````\n```\ne\n````\n" in text
    assert text.endswith("The end.\n")
    assert len(scan(text).fences) == 18
    run("--bake").stdout.fnmatch_lines(["nothing changed"])
    assert page.read_text() == text
    assert (pytester.path / "docs/figure.png").stat().st_mtime_ns == stamp
    run().assert_outcomes(passed=9 - 1, skipped=1)


def test_bake_leaves_a_page_with_a_failing_block_alone(write, run):
    bad, good = write(block("print(1)") + block("1 / 0")), write(block("print(1)"), "docs/good.md")
    before = bad.read_text()
    run("--bake").stdout.fnmatch_lines(
        ["wrote docs/good.md", "not written: docs/page.md*failed or did not run: line 5"]
    )
    assert bad.read_text() == before
    assert OUTPUT in good.read_text()


def test_bake_of_some_blocks_writes_nothing(check, pytester):
    page = block("print(1)") + block("print(2)")
    result = check(page, "--bake", "docs/page.md::line5[cpu]")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["not written: docs/page.md*line 1"])
    assert (pytester.path / "docs/page.md").read_text() == page


def test_bake_reports_an_output_that_is_no_longer_printed(check, pytester):
    page = block("x = 1", "1")
    result = check(page, "--bake")
    result.stdout.fnmatch_lines(["docs/page.md:1: prints nothing now*", "not written*"])
    assert (pytester.path / "docs/page.md").read_text() == page


def test_bake_leaves_a_page_alone_that_changed_meanwhile(check, pytester):
    path = pytester.path / "docs/page.md"
    result = check(block(f"print(1)\nopen({str(path)!r}, 'a').write('new')"), "--bake")
    result.stdout.fnmatch_lines(["not written: docs/page.md, because it changed while its blocks ran"])
    assert path.read_text().endswith("new")


def test_bake_refuses_another_model(check, monkeypatch):
    monkeypatch.setenv("TUTORIAL_MODEL", "gpt2")
    assert check(block("print(1)"), "--bake").ret == pytest.ExitCode.USAGE_ERROR


def test_bake_runs_pages_only_and_on_the_cpu(write, run, pytester):
    pytester.makepyfile(test_other="def test_it(): assert False")
    write(block("x = 1"))
    run("--bake", "test_other.py", "docs", device=None).assert_outcomes(passed=1, deselected=1)
