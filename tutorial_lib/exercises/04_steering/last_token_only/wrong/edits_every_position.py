"""The vector is added to the whole stream."""

from tutorial_lib import find_blocks


def last_token_only(model, layer, vector, attention_mask):
    def add_vector(module, args):
        return (args[0] + vector.to(args[0]), *args[1:])

    return [(find_blocks(model)[layer], add_vector)]
