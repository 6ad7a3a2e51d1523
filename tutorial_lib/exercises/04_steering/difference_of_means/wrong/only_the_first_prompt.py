"""`stream[0]` is taken for the stream, so the first prompt stands for all."""

from tutorial_lib import get_residual_stream_at_layer


def direction_between(model, layer, position, towards, away):
    a = get_residual_stream_at_layer(model, layer, towards)[0][position]
    b = get_residual_stream_at_layer(model, layer, away)[0][position]
    return (a - b) / (a - b).norm()
