"""The start of the first text, for all of them."""


def steer_first_token(block, vector, attention_mask):
    def hook(module, args):
        stream = args[0].clone()
        stream[:, attention_mask[0].argmax()] += vector
        return (stream, *args[1:])

    return block.register_forward_pre_hook(hook)
