def project_out(blocks, direction, layers):
    """Pairs (block, pre-hook) that take the direction [d_model] out of the stream at the given layers."""
    unit = direction / direction.norm()

    def hook(module, args):
        stream = args[0]
        along = (stream @ unit).unsqueeze(-1)
        return (stream - along * unit, *args[1:])

    return [(blocks[layer], hook) for layer in layers]
