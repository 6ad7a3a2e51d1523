from torch import nn


class Two(nn.Module):
    """Returns a tuple of the stream and something else."""

    def forward(self, x):
        return x, 2 * x


def observe(answer, case):
    ids = case.ids(batch=3)
    block = case.map.blocks[case.layer - 1]
    before = case.logits(ids)
    handle = answer(block, 10 * case.direction())
    steered = case.logits(ids)
    if hasattr(handle, "remove"):
        handle.remove()
    seen = {"handle": handle, "before": before, "steered": steered, "after": case.logits(ids)}
    kinds = []
    with block.register_forward_hook(lambda module, args, output: kinds.append(type(output))):
        case.logits(ids)
    if kinds[0] is tuple:
        two = Two()
        answer(two, 10 * case.direction())
        seen["tuple of two"] = two(case.normal(3, 4, case.d_model, name="x"))
    return seen
