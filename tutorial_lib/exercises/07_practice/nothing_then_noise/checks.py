import torch

from tutorial_lib import add_hooks
from tutorial_lib.exercises.checking import Wrong, check

WORDS = {
    "adds": "adds a vector that was made for its effect",
    "lowers": "adds a vector that was made to lower the number",
    "doubles": "doubles the stream, then adds the vector",
    "rescales": "divides the stream by its length, adds the vector and multiplies again",
    "drops": "adds the vector and returns the stream alone, without the other arguments",
    "anything": "adds a random vector, and looks at how far the logits move",
}


def drops_something(case):
    """Whether a block of this model has positional arguments to lose."""
    ids = case.ids(batch=2, seq=5)
    mask = torch.ones_like(ids)
    mask[0, :2] = 0

    def run(pairs):
        with torch.no_grad(), add_hooks(pairs):
            return case.model(ids, attention_mask=mask, use_cache=False).logits

    return not torch.equal(run([]), run([(case.map.blocks[case.layer], lambda module, args: args[0])]))


def noise_of(found):
    """The vectors that were tried and are neither zero nor the vector itself."""
    vector = found["vector"]
    others = [v for v in found["vectors"] if isinstance(v, torch.Tensor) and bool(v.any())]
    return [v for v in others if float((v @ vector) / (v.norm() * vector.norm())) < 0.9]


def expect(name, found, right, misconception, message, see=None):
    if found[name]["verdict"] != right:
        raise Wrong(
            misconception,
            message,
            expected=f'"{right}" for a hook that {WORDS[name]}',
            seen=repr(found[name]["verdict"]),
            see=see,
        )


@check("no hook is left on")
def none_left(case, seen):
    for name, found in seen.items():
        if found["hooks left"]:
            raise Wrong(
                "leaves_hooks_on",
                "your hooks are still on the block at the end, so each run had those before it as well",
                expected="0 hooks on the block",
                seen=f"{found['hooks left']} hooks after the intervention that {WORDS[name]}",
                see="chapters/6-best-practices.md#1-use-a-context-manager",
            )


@check("an intervention that changes something with a vector of zeros is broken")
def nothing(case, seen):
    if not any(isinstance(v, torch.Tensor) and not bool(v.any()) for v in seen["adds"]["vectors"]):
        raise Wrong(
            "skips_nothing",
            "you never tried the intervention with a vector of zeros",
            expected="make_hook(torch.zeros_like(vector)) among the runs",
            seen=f"{len(seen['adds']['vectors'])} runs with a hook, none with zeros",
        )
    expect("doubles", seen, "broken", "misses_broken", "with a vector of zeros this one changes everything")
    expect(
        "rescales",
        seen,
        "broken",
        "nearly_nothing",
        "with a vector of zeros this one changes the results by rounding; compare bit for bit",
    )
    if drops_something(case):
        expect(
            "drops",
            seen,
            "broken",
            "looks_at_one_result",
            "with a vector of zeros this one changes the padded result and not the plain one: the block lost "
            "its mask; compare all results",
            "chapters/7-pitfalls/2-what-you-change.md#a-bare-tensor-drops-the-other-arguments",
        )


@check("an effect that noise has as well is noise")
def noise(case, seen):
    for name in ("adds", "anything"):
        vectors = noise_of(seen[name])
        if not vectors:
            raise Wrong(
                "skips_noise",
                "you never tried the intervention with another vector of the same length",
                expected="3 runs with random vectors",
                seen=f"{len(seen[name]['vectors'])} runs with a hook, all with zeros or the vector itself",
            )
        different = {tuple(v.tolist()) for v in vectors}
        if len(different) < 3:
            raise Wrong(
                "too_little_noise",
                "you drew fewer than 3 random vectors; one alone may be weak or strong by chance",
                expected="3 different random vectors",
                seen=f"{len(different)} besides zeros and the vector itself",
            )
        length = float(seen[name]["vector"].norm())
        others = [float(v.norm()) for v in vectors if abs(float(v.norm()) - length) > 1e-3 * length]
        if others:
            raise Wrong(
                "noise_of_another_length",
                "your noise is not as long as the vector, so more or less effect says nothing",
                expected=f"noise of length {length:.4g}",
                seen=f"noise of length {others[0]:.4g}",
            )
    expect(
        "adds",
        seen,
        "works",
        "forgets_the_baseline",
        "you took the number that is there anyway for an effect; the effect is how far it moves",
    )
    expect(
        "lowers",
        seen,
        "works",
        "one_way_only",
        "an effect may go down as well as up: take the size of the difference",
    )
    expect("anything", seen, "noise", "misses_noise", "any vector of this length does as much")
