"""The set to lead to is subtracted."""

from tutorial_lib import get_residual_stream_at_layer


def direction_between(model, layer, position, towards, away):
    a = get_residual_stream_at_layer(model, layer, towards)[:, position].mean(0)
    b = get_residual_stream_at_layer(model, layer, away)[:, position].mean(0)
    return (b - a) / (b - a).norm()
