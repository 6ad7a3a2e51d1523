def silence(block, positions_by_text):
    """Set the stream to zero at these positions of each text of the prompt; return the handle."""

    def hook(module, args):
        stream = args[0].clone()  # [rows, seq, d_model]
        if stream.shape[1] > 1:  # the prompt, not a new token
            for row, positions in enumerate(positions_by_text):
                stream[row, positions] = 0
        return (stream, *args[1:])

    return block.register_forward_pre_hook(hook)
