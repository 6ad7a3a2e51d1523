"""Every section, function and claim of the document that this project implements stands on a page and is run.

Each row names what the document holds and the section that carries it. A row holds when the page has that
section, the section has at least one block that is run, and, where given, a name stands in its code.
"""

import pytest

from tests import ROOT
from tools.pages.page import read_page

CHAPTERS = "docs/chapters/"
BASICS, ARCHITECTURE, STEPS, STREAM, PRACTICES = (
    f"{CHAPTERS}{name}.md"
    for name in (
        "1-hook-basics",
        "2-architecture",
        "3-step-by-step",
        "4-residual-stream",
        "6-best-practices",
    )
)
EXAMPLES, PITFALLS, WHY = f"{CHAPTERS}5-examples/", f"{CHAPTERS}7-pitfalls/", "docs/why-hooks.md"

SEED = [
    # what the document holds, the page, the section, a name in the section's code
    ("why: direct model support", WHY, "1 Every model, as it is", ""),
    ("why: production ready", WHY, "2 The model in production is the model you look at", ""),
    ("why: latest models", WHY, "3 New models on the day they come out", ""),
    ("why: minimal dependencies", WHY, "4 Few dependencies", ""),
    ("why: scalability", WHY, "5 Large jobs", ""),
    (
        "pre-hooks: called before, may change the input",
        BASICS,
        "A pre-hook sees what comes in",
        "register_forward_pre_hook",
    ),
    (
        "post-hooks: called after, may change the output",
        BASICS,
        "A forward hook sees what comes out",
        "register_forward_hook",
    ),
    ("a hook returns None or a modified value", BASICS, "What a pre-hook may return", ""),
    ("model structure", ARCHITECTURE, "The tree", ""),
    ("model structure: blocks, attention, MLP, norms, in families", ARCHITECTURE, "Five families", ""),
    ("key insight: a block's input is the residual stream", STREAM, "The key insight", "hidden_states"),
    ("step 1: define your hook function, tuple or tensor", STEPS, "Step 1: write the hook", "isinstance"),
    ("step 2: identify target modules", STEPS, "Step 2: find the module", ""),
    ("step 3: register with a context manager", STEPS, "Step 3: register it", "add_hooks"),
    ("the flow of the stream", STREAM, "The key insight", ""),
    ("method 1: hook all residual streams", STREAM, "Method 1: every layer", "add_hooks"),
    ("method 2: get_residual_stream_at_layer", STREAM, "Method 2: one layer", "get_residual_stream_at_layer"),
    (
        "method 3: add_vector_to_residual_stream",
        STREAM,
        "Method 3: change it",
        "add_vector_to_residual_stream",
    ),
    (
        "example 1: cache_residual_streams",
        EXAMPLES + "caching.md",
        "With the library",
        "cache_residual_streams",
    ),
    (
        "example 2: ablate_direction_from_residual",
        EXAMPLES + "ablation.md",
        "Which layer",
        "ablate_direction_from_residual",
    ),
    (
        "example 3: position_aware_residual_hook, times 1.5",
        EXAMPLES + "positions.md",
        "Other positions in each row",
        "position_aware_residual_hook",
    ),
    ("practice 1: always use context managers", PRACTICES, "1 Use a context manager", ""),
    ("practice 2: handle input formats correctly", PRACTICES, "2 Know what you are handed", ""),
    ("practice 3: clone tensors when caching", PRACTICES, "3 Clone what you keep", "clone"),
    ("practice 4: use descriptive hook names", PRACTICES, "4 Give hooks names that say what they do", ""),
    ("practice 5: be careful with in-place operations", PRACTICES, "5 Make new tensors", ""),
    (
        "pitfall 1: forgetting that pre-hooks on blocks give the stream",
        PITFALLS + "1-what-you-read.md",
        "A copy that was normalised is not the stream",
        "",
    ),
    ("pitfall 2: not handling tuple inputs", PITFALLS + "2-what-you-change.md", "`args` is a tuple", ""),
    ("pitfall 3: accumulating hooks", PITFALLS + "4-hooks-that-stay-or-never-fire.md", "Hooks add up", ""),
    ("pitfall 4: modifying shared tensors", PITFALLS + "2-what-you-change.md", "An edit in place", ""),
    (
        "summary: analyse, modify or steer at any layer",
        EXAMPLES + "steering.md",
        "",
        "add_vector_to_residual_stream",
    ),
]


def section(path, heading):
    """First and last line of a section, its subsections included; the whole page without a heading."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    if not heading:
        return 1, len(lines)
    start = next((n for n, line in enumerate(lines, 1) if line.lstrip("#").strip() == heading), None)
    assert start, f"{path} has no section {heading!r}"
    level = lines[start - 1].split()[0]
    fenced, end = False, len(lines)
    for n, line in enumerate(lines[start:], start + 1):
        fenced ^= line.lstrip().startswith("```")
        if not fenced and line.startswith("#") and len(line.split()[0]) <= len(level):
            end = n - 1
            break
    return start, end


@pytest.mark.parametrize(("held", "path", "heading", "name"), SEED, ids=[row[0] for row in SEED])
def test_the_document_is_carried_by_a_section_that_runs(held, path, heading, name):
    first, last = section(path, heading)
    page = read_page(ROOT / path, ROOT)
    blocks = [b for b in page.blocks if first <= b.line <= last and b.syntax == "python" and not b.marks.skip]
    assert blocks, f"{path}, {heading!r}: no block is run"
    assert any(name in block.fence.body for block in blocks), f"{path}, {heading!r}: {name} is not used"
