import torch

from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_same, expect_tensor, is_close
from tutorial_lib.exercises.mistakes import diagnose, gives, when

BATCH = 3


def inputs(case):
    """Ids, answers and others, with the model's final norm as `observe` makes it."""
    if case.name != "box":
        weight = 1 + 0.5 * case.normal(case.d_model, name="norm").tanh()
        case.map.final_norm.weight.data.copy_(weight)
    return case.ids(BATCH, 6), *case.ids(2, BATCH, "words")


def part_names(case):
    return ["embedding", *(f"{part}_{i}" for i in range(case.n_layers) for part in ("attention", "mlp"))]


def writes(case):
    """What each part wrote at the last position, and the streams of all layers there: `[batch, d_model]`."""
    ids, parts = inputs(case)[0], case.map
    modules = [part(layer) for layer in range(case.n_layers) for part in (parts.attention, parts.mlp)]
    outputs = [output[:, -1] for _, output in case.in_and_out(ids, *modules)]
    streams = [stream[:, -1] for stream in case.streams(ids)]
    return dict(zip(part_names(case), [streams[0], *outputs], strict=True)), streams


def scale(case, stream):
    norm = case.map.final_norm
    eps = getattr(norm, "variance_epsilon", getattr(norm, "eps", 0))
    return (stream.pow(2).mean(-1, keepdim=True) + eps).rsqrt()


def shares(vectors, toward):
    return {name: (vector * toward).sum(-1) for name, vector in vectors.items()}


def lead(case):
    """The model's own logit difference, `[batch]`."""
    ids, answers, others = inputs(case)
    last, rows = case.logits(ids)[:, -1], torch.arange(BATCH)
    return last[rows, answers] - last[rows, others]


@check("there is a share for each part")
def every_part(case, seen):
    found, names = seen["shares"], part_names(case)
    wanted = f"a dict of tensors [{BATCH}] under {names[0]}, {names[1]}, ... {names[-1]}"
    if not isinstance(found, dict):
        raise Wrong("no_dict", "what you returned is no dict", expected=wanted, seen=found)
    missing, unknown = [n for n in names if n not in found], sorted(set(found) - set(names))
    if missing == ["embedding"] and not unknown:
        raise Wrong(
            "leaves_out_the_embedding",
            "what the embedding wrote is in the last stream too, and a part of the sum",
            expected=f"{len(names)} parts, the embedding among them",
            seen=f"{len(found)} parts, without it",
        )
    if missing or unknown:
        raise Wrong(
            "other_names",
            "the parts have other names",
            expected=wanted,
            seen=f"missing: {missing or 'none'}, unknown: {unknown or 'none'}",
        )
    for name in names:
        expect_tensor(found[name], f"the share of {name}", (BATCH,))


@check("each share is what the part adds to the lead")
def each_share(case, seen):
    _, answers, others = inputs(case)
    found, (written, streams) = seen["shares"], writes(case)
    word, weight = case.map.unembedding.weight.detach(), case.map.final_norm.weight.detach()
    gain = weight * scale(case, streams[-1])
    apart = word[answers] - word[others]
    wanted = shares(written, gain * apart)
    total, own = sum(found[name] for name in wanted), lead(case)
    sums = f"parts that sum to {numbers(total)}"
    right = f"parts that sum to the logit difference, {numbers(own)} in the {BATCH} rows"
    with torch.no_grad():
        each_normed = {name: case.map.final_norm(vector) for name, vector in written.items()}
    after = {f"mlp_{layer}": streams[layer + 1] for layer in range(case.n_layers)}
    first_rows = {name: vector[:1] for name, vector in written.items() if name.startswith("mlp")}
    name = next((name for name, value in wanted.items() if not is_close(found[name], value)), "mlp_0")
    mistakes = {
        "norm_forgotten": gives(
            shares(written, apart),
            "you left the final norm out; the unembedding reads the normed stream",
        ),
        "norms_each_part": gives(
            shares(each_normed, apart),
            "you normed each part by its own size; the factor is that of the whole last stream",
        ),
        "forgets_the_norms_weight": gives(
            shares(written, scale(case, streams[-1]) * apart),
            "you divided by the size of the stream and forgot the weight of the norm",
        ),
        "one_word_only": gives(
            shares(written, gain * word[answers]),
            "you split the answer's logit; asked is its lead over the other word",
            seen=f"{sums}, the answers' own logits",
        ),
        "other_minus_answer": gives(
            shares(written, -gain * apart),
            "your signs are turned round: it is the answer's logit minus the other's",
        ),
        "counts_the_stream": gives(
            shares(after, gain * apart),
            "under mlp_i you have the whole stream after block i; a part is only what the MLP itself wrote",
            expected=f"{right}; mlp_0 {numbers(wanted['mlp_0'])}",
            seen=f"{sums}; mlp_0 {numbers(found['mlp_0'])}",
            see="chapters/4-residual-stream.md#a-block-only-adds",
        ),
        "slices_the_batch": gives(
            shares(first_rows, gain * apart),
            "every row has what the MLP wrote in row 0: an MLP returns a tensor, and output[0] is its row 0",
            expected=f"mlp_0 {numbers(wanted['mlp_0'])}",
            seen=f"mlp_0 {numbers(found['mlp_0'])}",
            see="chapters/7-pitfalls/1-what-you-read.md#output0-is-a-row-of-the-batch",
        ),
        "other_values": when(
            True,
            f"{name} has another share",
            expected=f"{name} {numbers(wanted[name])}; {right}",
            seen=f"{name} {numbers(found[name])}; {sums}",
        ),
    }
    diagnose(found, wanted, mistakes, expected=right, seen=sums)


def numbers(values):
    return ", ".join(f"{value:.3f}" for value in values.tolist())


@check("the shares sum to the logit difference")
def they_sum(case, seen):
    total = sum(seen["shares"][name] for name in part_names(case))
    expect_close(total, lead(case), "the sum of your shares", 1e-3)


@check("the model is as it was afterwards", see="chapters/6-best-practices.md#1-use-a-context-manager")
def nothing_is_left(case, seen):
    if seen["left"]:
        raise Wrong(
            "leaves_hooks_on",
            "your function left hooks on the model, which go on recording with each run",
            expected="no hook of yours after your function",
            seen=f"{len(seen['left'])} hooks, the first a {seen['left'][0]}",
        )
    ids, *_ = inputs(case)
    expect_close(seen["before"], case.logits(ids), "what the model says before your function")
    expect_same(seen["after"], seen["before"], "what the model says after your function")
