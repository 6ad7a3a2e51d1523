import torch


def observe(answer, case):
    hidden, other = tensors(case)
    factor, vector = case.number("halves", 3, 9) / 2, case.direction()

    def edit(hidden):
        if not isinstance(hidden, torch.Tensor):
            raise TypeError(f"edit takes the hidden state, a tensor, and was given a {type(hidden).__name__}")
        return hidden * factor + vector

    outputs = {
        "tensor": hidden.clone(),
        "tuple": (hidden.clone(), None, other.clone()),
        "tuple of one": (hidden.clone(),),
        "list": [hidden.clone(), other.clone(), None],
    }
    seen = {}
    for kind, output in outputs.items():
        given = answer(output, edit)
        seen[kind] = {"type": type(given).__name__, "given": given, "passed in": output}

    ids = case.ids(batch=2, seq=case.number("seq", 4, 7))
    block = case.map.blocks[case.layer]
    handle = block.register_forward_hook(lambda module, args, output: answer(output, edit))
    try:
        seen["logits"] = case.logits(ids)
    except Exception as error:  # the model cannot go on with what the answer gave out
        seen["logits"] = f"{type(error).__name__}: {error}"
    handle.remove()
    return seen


def tensors(case):
    """A hidden state, and another element of an output."""
    seq = case.number("seq", 4, 7)
    return case.normal(2, seq, case.d_model, name="hidden"), case.normal(2, 4, seq, name="other")
