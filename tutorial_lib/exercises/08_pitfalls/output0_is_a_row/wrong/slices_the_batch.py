"""`[:, :]` is thought to take in every text.

Right on: bloom (its blocks return a tuple, whose first entry is the hidden state)
"""


def steer_output(block, vector):
    def hook(module, args, output):
        output[0][:, :] += vector
        return output

    return block.register_forward_hook(hook)
