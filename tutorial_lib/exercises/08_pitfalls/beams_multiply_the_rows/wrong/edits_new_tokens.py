"""The rows are right, and the question whether this is the prompt was lost."""


def silence(block, positions_by_text):
    def hook(module, args):
        stream = args[0].clone()
        copies = len(stream) // len(positions_by_text)
        for row in range(len(stream)):
            stream[row, positions_by_text[row // copies]] = 0
        return (stream, *args[1:])

    return block.register_forward_pre_hook(hook)
