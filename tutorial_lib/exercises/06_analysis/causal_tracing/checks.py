import torch

from tutorial_lib import read_output, replace_output
from tutorial_lib.exercises.checking import (
    Wrong,
    check,
    expect_close,
    expect_no_hooks,
    expect_same,
    expect_tensor,
    is_close,
)
from tutorial_lib.exercises.mistakes import diagnose, gives, when

SEQ = 4


def inputs(case, count):
    """Ids, the subject's positions, the noise and the answer."""
    subject = case.positions(SEQ, count)
    spread = 3 * case.map.embedding.weight.std().item()
    noise = spread * case.normal(count, case.d_model, name=f"noise on {count}")
    return case.ids(1, SEQ), subject, noise, case.number("answer", 16, 100)


def runs(case, count, *, late=0, everywhere=False, noise_everywhere=False, noise_last=False):
    """The last logits of the corrupt run `[vocab]`, and of each restored run `[n_layers, seq, vocab]`.

    All runs are rows of one batch. With the keywords, as a wrong idea would have them.
    """
    ids, subject, noise, _ = inputs(case, count)
    clean = case.streams(ids)
    blocks = case.map.blocks
    n_runs = len(blocks) * SEQ

    def add_noise(module, args):
        noisy = args[0].clone()
        noisy[:, slice(None) if noise_everywhere else subject] += noise
        return (noisy, *args[1:])

    def restored(stream, layer):
        """Run layer * seq + position restores this position before this layer."""
        stream = stream.clone()
        for position in range(SEQ):
            index = slice(None) if everywhere else position
            stream[layer * SEQ + position, index] = clean[layer + late][0, index]
        return stream

    def before(layer):
        return blocks[layer], lambda module, args: (restored(args[0], layer), *args[1:])

    def after(layer):
        return blocks[layer], lambda module, args, out: replace_output(out, restored(read_output(out), layer))

    layers = range(len(blocks))
    pre = [] if late else [before(layer) for layer in layers]
    pre.insert(len(pre) if noise_last else 0, (blocks[0], add_noise))
    hooks = pre, [after(layer) for layer in layers] if late else []
    logits = case.logits(ids.expand(n_runs + 1, -1), *hooks)[:, -1]
    return logits[-1], logits[:-1].unflatten(0, (len(blocks), SEQ))


def gained(case, corrupt, restored):
    word = case.number("answer", 16, 100)
    return restored.log_softmax(-1)[..., word] - corrupt.log_softmax(-1)[word]


@check("the model is as it was afterwards", see="chapters/6-best-practices.md#1-use-a-context-manager")
def nothing_is_left(case, seen):
    another = case.ids(1, SEQ, "another text")
    expect_close(seen["before"], case.logits(another), "what the model says before your function")
    if not is_close(seen["after"], seen["before"]):
        away = (seen["after"] - seen["before"]).abs().max()
        raise Wrong(
            "leaves_hooks_on",
            "hooks of your function are still on the model, so each run adds to the next",
            expected="the same logits for another text as before your function",
            seen=f"logits that are up to {away:.2g} away",
        )
    expect_no_hooks(
        seen["hooks left"],
        "leaves_a_hook_that_keeps",
        "your function left a hook on the model; it edits nothing, and keeps a stream with each run",
    )
    expect_same(seen["after"], seen["before"], "what the model says after your function")


@check("each cell is what the restored place brings back")
def each_cell(case, seen):
    ids, subject, _, word = inputs(case, 1)
    corrupt, restored = runs(case, 1)
    wanted = gained(case, corrupt, restored)
    found = expect_tensor(seen["one"], "the grid", tuple(wanted.shape))
    (there,), clean = subject, case.logits(ids)[0, -1]
    probabilities = restored.softmax(-1)[..., word] - corrupt.softmax(-1)[word]
    largest = probabilities.abs().max().item()  # it may be tiny
    before = f"at [0, 0], before the subject, where both runs are the same, {found[0, 0]:.4f}"
    nothing = "0 where restoring changes nothing, as at [0, 0]"
    layer, position = divmod(int((found - wanted.cpu()).abs().argmax()), SEQ)
    mistakes = {
        "restores_before_the_noise": gives(
            lambda: gained(case, *runs(case, 1, noise_last=True)),
            "on block 0 your noise comes on top of what was restored: the hook registered last runs last",
            see="chapters/1-hook-basics.md#the-order-of-hooks",
        ),
        "restores_every_position": gives(
            lambda: gained(case, *runs(case, 1, everywhere=True)),
            "you put back the whole clean stream, so every cell is the clean run; restore one position",
            expected="another number in each cell, 0 in [0, 0]",
            seen=before,
        ),
        "noises_every_position": gives(
            lambda: gained(case, *runs(case, 1, noise_everywhere=True)),
            NOISES_EVERY_POSITION,
            expected=f"noise at position {there} only",
            seen="noise at all positions",
        ),
        "restores_a_block_late": gives(
            lambda: gained(case, *runs(case, 1, late=1)),
            "you restored what the block gives out; row i is about what block i receives",
            see="chapters/1-hook-basics.md#a-pre-hook-sees-what-comes-in",
        ),
        "forgets_the_corrupt_run": gives(
            restored.log_softmax(-1)[..., word],
            "you returned the log-probability of the restored runs; take the corrupt run's from it",
            expected=nothing,
            seen=before,
        ),
        "compares_with_the_clean_run": gives(
            gained(case, clean, restored),
            "you took the clean run's log-probability from each cell, not the corrupt run's",
            expected=nothing,
            seen=before,
        ),
        "measures_probabilities": when(
            lambda: is_close(found / largest, probabilities / largest, 1e-2),
            "you compared probabilities; the task asks for log-probabilities",
        ),
        "measures_logits": gives(
            restored[..., word] - corrupt[word],
            "you compared logits, which can all rise together; log_softmax makes them log-probabilities",
        ),
        "restores_from_the_corrupt_run": gives(
            torch.zeros_like(wanted),
            "nothing is restored: was the stream kept while the noise was on, or does a hook return None?",
            seen="0 in every cell",
        ),
        "draws_its_own_noise": when(
            not is_close(seen["no noise"], torch.zeros(case.n_layers, 2)),
            "your function draws noise of its own, so that the grid does not come again; add the noise given",
            expected="with a noise of zero, 0 in every cell",
            seen=seen["no noise"],
        ),
        "other_values": when(
            True,
            f"the grid has other values, most of all at layer {layer}, position {position}",
            expected=f"{wanted[layer, position]:.4f} there",
            seen=f"{found[layer, position]:.4f}",
        ),
    }
    cell = (
        f"at [0, {there}], the subject before block 0, {wanted[0, there]:.4f}: the whole clean run comes back"
    )
    diagnose(found, wanted, mistakes, expected=cell, seen=f"at [0, {there}] {found[0, there]:.4f}")


@check("a subject may have several tokens")
def several_tokens(case, seen):
    expect_close(seen["two"], gained(case, *runs(case, 2)), "the grid for a subject of two tokens")


@check("without noise there is nothing to bring back")
def no_noise(case, seen):
    expect_close(seen["no noise"], torch.zeros(case.n_layers, 2), "the grid for a noise of zero")


NOISES_EVERY_POSITION = (
    "you added the noise to the whole stream; row i of it belongs to position subject[i] alone"
)


def explain_crash(case, crash):
    return {
        "noises_every_position": when(
            "at non-singleton dimension" in crash.message,
            NOISES_EVERY_POSITION,
            expected="noise [len(subject), d_model] added to stream[:, subject]",
        ),
    }
