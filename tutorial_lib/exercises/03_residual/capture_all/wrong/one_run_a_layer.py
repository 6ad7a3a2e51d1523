"""The model runs again for each layer."""

from tutorial_lib import find_blocks, get_residual_stream_at_layer


def capture_all(model, input_ids):
    layers = range(len(find_blocks(model)))
    return {layer: get_residual_stream_at_layer(model, layer, input_ids) for layer in layers}
