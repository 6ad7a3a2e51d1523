import torch

from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_same, expect_tensor, is_close
from tutorial_lib.exercises.mistakes import gives, rule_out, when


def inputs(case):
    """The ids, with the model's final norm as `observe` makes it."""
    if case.name != "box":
        weight = 1 + 0.5 * case.normal(case.d_model, name="norm").tanh()
        case.map.final_norm.weight.data.copy_(weight)
    return case.ids(batch=2, seq=5)


def streams(case):
    """The stream before each block and after the last one, `[n_layers + 1, batch, seq, d_model]`."""
    return torch.stack(case.streams(inputs(case)))


def as_tensor(rows):
    """A list of rows of one shape as a tensor, so that what is wrong with the rows is said first."""
    if isinstance(rows, list) and rows and all(isinstance(row, torch.Tensor) for row in rows):
        return torch.stack(rows) if len({row.shape for row in rows}) == 1 else rows
    return rows


def norm(case, stream):
    with torch.no_grad():
        return case.map.final_norm(stream)


def unembed(case, stream):
    with torch.no_grad():
        return case.map.unembedding(stream)


@check("row i is the stream after block i, read by the final norm and the unembedding")
def each_row(case, seen):
    before, after = streams(case)[:-1], streams(case)[1:]
    wanted = unembed(case, norm(case, after))
    found = as_tensor(seen["logits"])
    n_layers, batch, seq, vocab = wanted.shape
    if isinstance(found, torch.Tensor) and found.shape == (n_layers, seq, vocab):
        raise Wrong(
            "slices_the_batch",
            "the batch is gone: output[0] of a block that returns a tensor is the first row of the batch",
            expected=f"[n_layers, batch, seq, vocab] = {list(wanted.shape)}",
            seen=list(found.shape),
            see="chapters/7-pitfalls/1-what-you-read.md#output0-is-a-row-of-the-batch",
        )
    if isinstance(found, torch.Tensor) and found.shape == (n_layers + 1, batch, seq, vocab):
        raise Wrong(
            "one_row_too_many",
            "you have a row for the stream before block 0 as well; row 0 is after block 0",
            expected=f"{n_layers} rows, one for each block",
            seen=f"{n_layers + 1} rows",
        )
    found = expect_tensor(found, "what you returned", tuple(wanted.shape))
    if is_close(found, wanted):
        if isinstance(seen["logits"], list):
            raise Wrong(
                "returns_a_list",
                "your rows are right, but what you returned is no tensor: `torch.stack` makes one of them",
                expected=f"a tensor [n_layers, batch, seq, vocab] = {list(wanted.shape)}",
                seen=f"{n_layers} tensors, {[batch, seq, vocab]} each",
            )
        return
    right = [row for row in range(n_layers) if is_close(found[row], wanted[row])]
    row = next(row for row in range(n_layers) if row not in right)
    rows = f"right rows: {right or 'none'} of {n_layers}"
    mistakes = {
        "off_by_one": gives(
            unembed(case, norm(case, before)),
            "you read what each block receives; row i is what it gives out",
            expected="after block 0 in row 0, and the model's own logits in the last row",
            seen="the embedding in row 0, and the stream before the last block in the last row",
            see="chapters/4-residual-stream.md#the-key-insight",
        ),
        "norm_forgotten": gives(
            unembed(case, after),
            "you unembedded the stream as it is; the final norm comes before",
            expected="unembedding(final_norm(stream))",
            seen=f"unembedding(stream); {rows}",
        ),
        "norm_at_the_end_only": gives(
            torch.cat([unembed(case, after[:-1]), wanted[-1:]]),
            "only your last row is normed, because hidden_states[-1] is so already; the others are not",
            expected="unembedding(final_norm(stream)) in every row",
            seen=f"unembedding(stream) in all rows but the last; {rows}",
            see="chapters/7-pitfalls/1-what-you-read.md#hidden_states-1-is-not-the-stream",
        ),
        "norm_twice": when(
            is_close(found[-1], unembed(case, norm(case, norm(case, after[-1])))),
            "your last row is normed twice: hidden_states[-1] has been through the final norm already",
            expected=wanted[-1],
            seen=found[-1],
            see="chapters/4-residual-stream.md#the-last-hidden-state-is-something-else",
        ),
        "probabilities": when(
            is_close(found, wanted.softmax(-1)) or is_close(found, wanted.log_softmax(-1)),
            "you returned probabilities; the lens gives logits, so that the last row is the model's",
            expected=wanted,
        ),
        "other_values": when(
            True, f"row {row} has other values; {rows}", expected=wanted[row], seen=found[row]
        ),
    }
    rule_out(mistakes, found)


@check("the last row is what the model says")
def last_row(case, seen):
    expect_close(as_tensor(seen["logits"])[-1], case.logits(inputs(case)), "your last row")


@check("the model is as it was afterwards", see="chapters/6-best-practices.md#1-use-a-context-manager")
def nothing_is_left(case, seen):
    if seen["left"]:
        raise Wrong(
            "leaves_hooks_on",
            "your function left hooks on the model, which go on collecting with each run",
            expected="no hook of yours after your function",
            seen=f"{len(seen['left'])} hooks, the first a {seen['left'][0]}",
        )
    expect_close(seen["before"], case.logits(inputs(case)), "what the model says before your function")
    expect_same(seen["after"], seen["before"], "what the model says after your function")
