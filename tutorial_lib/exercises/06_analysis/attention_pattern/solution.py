import torch


def attention_pattern(model, layer, input_ids):
    """The attention weights of a block, [batch, head, query, key]."""
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        with torch.no_grad():
            output = model(input_ids, output_attentions=True, use_cache=False)
    finally:
        model.set_attn_implementation(before)
    return output.attentions[layer]
