"""The hook is put first, as if it were called on the module."""

from tutorial_lib import find_blocks


def add_a_vector(model, layer, vector, coefficient):

    def add_vector(module, args):
        stream = args[0]
        return (stream + coefficient * vector.to(stream), *args[1:])

    return [(add_vector, find_blocks(model)[layer])]
