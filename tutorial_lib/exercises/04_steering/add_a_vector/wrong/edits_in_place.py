"""`+=` on the model's own tensor."""

from tutorial_lib import find_blocks


def add_a_vector(model, layer, vector, coefficient):
    def add_vector(module, args):
        stream = args[0]
        stream += coefficient * vector
        return (stream, *args[1:])

    return [(find_blocks(model)[layer], add_vector)]
