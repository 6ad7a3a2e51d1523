def silence(block, positions_by_text):
    """Set the stream to zero at these positions of each text of the prompt; return the handle."""

    def hook(module, args):
        stream = args[0].clone()  # [rows, seq, d_model]
        copies = len(stream) // len(positions_by_text)
        if stream.shape[1] > 1:  # the prompt, not a new token
            for row in range(len(stream)):
                stream[row, positions_by_text[row // copies]] = 0
        return (stream, *args[1:])

    return block.register_forward_pre_hook(hook)
