"""Only the position that predicts the next word is edited."""

from tutorial_lib import find_blocks


def add_a_vector(model, layer, vector, coefficient):
    def add_vector(module, args):
        stream = args[0].clone()
        stream[:, -1] += coefficient * vector.to(stream)
        return (stream, *args[1:])

    return [(find_blocks(model)[layer], add_vector)]
