import torch
from torch import nn


class Toy(nn.Module):
    """Calls `once` once, `twice` twice, and `skipped` by its method `forward`, which runs no hooks."""

    def __init__(self):
        super().__init__()
        self.once, self.twice, self.skipped = nn.Identity(), nn.Identity(), nn.Identity()

    def forward(self, x):
        return self.skipped.forward(self.twice(self.twice(self.once(x))))


class Broken(Toy):
    """Runs `once`, and then fails."""

    def forward(self, x):
        self.once(x)
        raise KeyError("the error of the model")


def observe(answer, case):
    direction, blocks, toy = case.direction(), case.map.blocks, Toy()
    ids, x = case.ids(), torch.ones(1, 3)

    def steer(module, args):
        return (args[0] + 3 * direction, *args[1:])

    def look(module, args):
        return None

    def watch(module, args):
        return None

    def fail(module, args):
        raise KeyError("the error of the hook itself")

    def tried(model, pairs, x, **times):
        """What came of one call of the answer."""
        error, output = None, None
        try:
            with torch.no_grad():
                output = answer(model, pairs, x, **times)
        except NotImplementedError:  # the starter's
            raise
        except (RuntimeError, ValueError, KeyError, AssertionError) as caught:
            error = caught
        left = sum(len(m._forward_pre_hooks) + len(m._forward_hooks) for m in model.modules())
        return {
            "error": [each.__name__ for each in type(error).__mro__] if error else [],
            "message": str(error) if error else "",
            "output": getattr(output, "logits", output),
            "hooks left": left,
        }

    broken = Broken()
    return {
        "blocks": tried(case.model, [(blocks[i], steer) for i in (case.layer, case.other_layer)], ids),
        "after": case.logits(ids),
        "ModuleList": tried(case.model, [(blocks, look)], ids),
        "forward": tried(toy, [(toy.skipped, look)], x),
        "twice": tried(toy, [(toy.once, look), (toy.twice, look)], x),
        "twice, as expected": tried(toy, [(toy.twice, look)], x, times=2),
        "one twice, one never": tried(toy, [(toy.twice, look), (toy.skipped, look)], x),
        "two names": tried(toy, [(toy.once, look), (toy.skipped, watch)], x),
        "fails": tried(toy, [(toy.once, fail), (toy.twice, look)], x),
        "model fails": tried(broken, [(broken.once, look)], x),
    }
