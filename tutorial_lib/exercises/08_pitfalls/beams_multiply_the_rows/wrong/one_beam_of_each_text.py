"""The first row of each text is found, and the other beams are forgotten."""


def silence(block, positions_by_text):
    def hook(module, args):
        stream = args[0].clone()
        copies = len(stream) // len(positions_by_text)
        if stream.shape[1] > 1:
            for text, positions in enumerate(positions_by_text):
                stream[text * copies, positions] = 0
        return (stream, *args[1:])

    return block.register_forward_pre_hook(hook)
