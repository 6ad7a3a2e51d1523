from torch import nn

from tutorial_lib.directions import WRITERS, writing_modules


def writers(case):
    """The modules that write to the stream: embeddings, and the last layer of each attention and MLP."""
    embeddings = [module for module in case.model.modules() if isinstance(module, nn.Embedding)]
    parts = [
        [c for name, c in part.named_children() if name in WRITERS] for part in writing_modules(case.map)
    ]
    return embeddings + [children[-1] for children in parts]


def observe(answer, case):
    answer(case.model, writers(case), 2.5 * case.direction())
    return {"weights": dict(case.model.state_dict()), "logits": case.logits(case.ids())}
