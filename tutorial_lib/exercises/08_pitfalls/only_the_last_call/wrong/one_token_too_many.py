"""One pass over the finished text, which is simplest, with its last token in it."""

import torch

from tutorial_lib import add_hooks


def stream_of_generation(model, block, ids, new_tokens):
    kept = {}

    def keep(module, args):
        kept["stream"] = args[0].clone()

    length = {"max_new_tokens": new_tokens, "min_new_tokens": new_tokens}
    with torch.no_grad():
        text = model.generate(ids, do_sample=False, pad_token_id=0, **length)
        with add_hooks([(block, keep)]):
            model(text)
    return kept["stream"]
