def steer_first_token(block, vector, attention_mask):
    """Add the vector `[d_model]` to the first token of each text; return the handle.

    `attention_mask` is `[batch, seq]`: 0 at padding, which is on the left, and 1 at tokens.
    """

    def hook(module, args):
        stream = args[0].clone()
        stream[:, 0] += vector
        return (stream, *args[1:])

    return block.register_forward_pre_hook(hook)
