"""The hook is put first, as if it were called on the block."""


def project_out(blocks, direction, layers):
    unit = direction / direction.norm()

    def hook(module, args):
        stream = args[0]
        along = (stream @ unit).unsqueeze(-1)
        return (stream - along * unit, *args[1:])

    return [(hook, blocks[layer]) for layer in layers]
