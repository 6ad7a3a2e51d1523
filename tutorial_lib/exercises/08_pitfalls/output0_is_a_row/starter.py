def steer_output(block, vector):
    """Add the vector `[d_model]` to what comes out of the block, in every text; return the handle."""

    def hook(module, args, output):
        hidden = output[0]  # meant: the hidden state, [batch, seq, d_model]
        hidden += vector
        return output

    return block.register_forward_hook(hook)
