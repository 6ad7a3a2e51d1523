"""The first call is taken for the prompt, and the prompt for the first call."""

from tutorial_lib import find_blocks, read_input, replace_input


def steer_positions(model, layer, vector, positions):
    calls = []

    def add_vector(module, args, kwargs):
        calls.append(1)
        if len(calls) > 1:
            return None
        stream = read_input(args, kwargs).clone()
        here = [position for position in positions if position < stream.shape[1]]
        stream[:, here] += vector.to(stream)
        return replace_input(args, kwargs, stream)

    return [(find_blocks(model)[layer], add_vector)]
