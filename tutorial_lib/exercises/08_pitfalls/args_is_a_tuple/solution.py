def steer(block, vector):
    """Add the vector `[d_model]` to the stream that comes into the block; return the handle."""

    def hook(module, args):
        stream, *others = args
        return (stream + vector, *others)

    return block.register_forward_pre_hook(hook)
