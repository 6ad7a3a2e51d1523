"""The last position is read, whatever was asked for."""

from tutorial_lib import get_residual_stream_at_layer


def direction_between(model, layer, position, towards, away):
    a = get_residual_stream_at_layer(model, layer, towards)[:, -1].mean(0)
    b = get_residual_stream_at_layer(model, layer, away)[:, -1].mean(0)
    return (a - b) / (a - b).norm()
