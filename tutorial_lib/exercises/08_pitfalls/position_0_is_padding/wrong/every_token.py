"""Padding is left out, and all tokens are edited."""


def steer_first_token(block, vector, attention_mask):
    def hook(module, args):
        stream = args[0].clone()
        stream += vector * attention_mask[..., None]
        return (stream, *args[1:])

    return block.register_forward_pre_hook(hook)
