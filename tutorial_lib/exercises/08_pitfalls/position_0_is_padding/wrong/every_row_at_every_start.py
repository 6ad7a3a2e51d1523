"""The starts are right and are not paired with their rows."""


def steer_first_token(block, vector, attention_mask):
    def hook(module, args):
        stream = args[0].clone()
        stream[:, attention_mask.argmax(dim=1)] += vector
        return (stream, *args[1:])

    return block.register_forward_pre_hook(hook)
