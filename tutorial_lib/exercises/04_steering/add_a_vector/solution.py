from tutorial_lib import find_blocks


def add_a_vector(model, layer, vector, coefficient):
    """Pairs for `add_hooks` that add coefficient * vector to what block `layer` is called with."""

    def add_vector(module, args):
        stream = args[0]
        return (stream + coefficient * vector.to(stream), *args[1:])

    return [(find_blocks(model)[layer], add_vector)]
