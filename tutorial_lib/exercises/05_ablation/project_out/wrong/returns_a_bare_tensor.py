"""The stream alone is returned in place of all arguments.

Right on: box, bloom (their blocks get the stream by position and all else by name)
"""


def project_out(blocks, direction, layers):
    unit = direction / direction.norm()

    def hook(module, args):
        stream = args[0]
        return stream - (stream @ unit).unsqueeze(-1) * unit

    return [(blocks[layer], hook) for layer in layers]
