"""The hidden state is found in both kinds of output, but always given back in a tuple.

Right on: bloom (its blocks return a tuple)
"""


def steer_output(block, vector):
    def hook(module, args, output):
        hidden, *rest = output if isinstance(output, tuple) else (output,)
        return (hidden + vector, *rest)

    return block.register_forward_hook(hook)
