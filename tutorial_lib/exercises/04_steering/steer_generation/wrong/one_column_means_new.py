"""A call with one column is taken for a new token, any other one for the whole prompt."""

from tutorial_lib import find_blocks, read_input, replace_input


def steer_positions(model, layer, vector, positions):
    def add_vector(module, args, kwargs):
        stream = read_input(args, kwargs).clone()
        if stream.shape[1] == 1:
            return None
        here = [position for position in positions if position < stream.shape[1]]
        stream[:, here] += vector.to(stream)
        return replace_input(args, kwargs, stream)

    return [(find_blocks(model)[layer], add_vector)]
