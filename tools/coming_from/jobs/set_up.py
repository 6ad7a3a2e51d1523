"""Set up

The model in the box, or any other: `load_model("gpt2")`. `eager` attention,
because two of the three use it, and the fused kernels round in another order.
"""

import torch

from tutorial_lib import load_model, map_model


def plain():
    """The model stays what it is, and it is the only object you need. `parts`
    names its blocks, norms and so on, whatever they are called."""
    model, tokenizer = load_model()
    model.set_attn_implementation("eager")
    parts = map_model(model)

    prompts = ["The capital of France is", "The capital of Italy is"]
    ids = tokenizer(prompts, return_tensors="pt", padding=True).input_ids
    ids = ids.to(model.device)
    clean_ids, corrupt_ids = ids[:1], ids[1:]
    texts = [*prompts, "I loved the movie.", "Maria gave a book to Anna."]
    vector = 8 * torch.arange(parts.d_model).sin()  # any vector
    return model, tokenizer, parts, ids, clean_ids, corrupt_ids, texts, vector


def transformer_lens():
    """A model that you have already goes in as `hf_model`; the first argument
    is then a mere name. Without it, this is the name of a model or a local
    folder: `boot_transformers("folder")`, which loads it as float32. The
    bridge changes the model that it is given, see
    [below](#what-differs-silently)."""
    from transformer_lens.model_bridge import TransformerBridge

    model, tokenizer = load_model()
    bridge = TransformerBridge.boot_transformers(
        "in the box", hf_model=model, tokenizer=tokenizer
    )

    prompts = ["The capital of France is", "The capital of Italy is"]
    ids = bridge.to_tokens(prompts)
    clean_ids, corrupt_ids = ids[:1], ids[1:]
    texts = [*prompts, "I loved the movie.", "Maria gave a book to Anna."]
    vector = 8 * torch.arange(bridge.cfg.d_model).sin()  # any vector
    return bridge, ids, clean_ids, corrupt_ids, texts, vector


def nnsight():
    """The model that you have goes in as it is. By name or from a folder:
    `TransformersModel("folder", task="text-generation", dispatch=True)`.
    `LanguageModel`, the name in older code, is deprecated. Modules keep their
    names: `lm.model.layers` is `model.model.layers`."""
    from nnsight import TransformersModel

    model, tokenizer = load_model()
    model.set_attn_implementation("eager")
    lm = TransformersModel(model, tokenizer=tokenizer)

    prompts = ["The capital of France is", "The capital of Italy is"]
    ids = tokenizer(prompts, return_tensors="pt", padding=True).input_ids
    clean_ids, corrupt_ids = ids[:1], ids[1:]
    texts = [*prompts, "I loved the movie.", "Maria gave a book to Anna."]
    vector = 8 * torch.arange(model.config.hidden_size).sin()  # any vector
    return lm, ids, clean_ids, corrupt_ids, texts, vector
