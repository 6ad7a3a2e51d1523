from tutorial_lib import read_output, replace_output


def at_every_write(parts, direction):
    """Pre-hook pairs and forward hook pairs that keep the direction [d_model] out of the whole stream."""
    unit = direction / direction.norm()

    def without(x):
        return x - (x @ unit).unsqueeze(-1) * unit

    def clean_input(module, args):
        return (without(args[0]), *args[1:])

    def clean_output(module, args, output):
        return replace_output(output, without(read_output(output)))

    layers = range(parts.n_layers)
    writers = [part(layer) for layer in layers for part in (parts.attention, parts.mlp)]
    return (
        [(block, clean_input) for block in parts.blocks],
        [(module, clean_output) for module in (*writers, parts.blocks[-1])],
    )
