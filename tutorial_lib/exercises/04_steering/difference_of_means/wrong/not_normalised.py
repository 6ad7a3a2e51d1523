"""The difference keeps its length."""

from tutorial_lib import get_residual_stream_at_layer


def direction_between(model, layer, position, towards, away):
    a = get_residual_stream_at_layer(model, layer, towards)[:, position]
    b = get_residual_stream_at_layer(model, layer, away)[:, position]
    return a.mean(0) - b.mean(0)
