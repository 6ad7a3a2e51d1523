"""The rows are dealt out in turn, as `Tensor.repeat` would have them."""


def silence(block, positions_by_text):
    def hook(module, args):
        stream = args[0].clone()
        if stream.shape[1] > 1:
            for row in range(len(stream)):
                stream[row, positions_by_text[row % len(positions_by_text)]] = 0
        return (stream, *args[1:])

    return block.register_forward_pre_hook(hook)
