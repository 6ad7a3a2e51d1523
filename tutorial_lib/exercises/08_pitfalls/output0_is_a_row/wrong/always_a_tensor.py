"""The tuple of a Bloom is forgotten.

Right on: box, qwen2 (their blocks return a tensor)
"""


def steer_output(block, vector):
    def hook(module, args, output):
        return output + vector

    return block.register_forward_hook(hook)
