"""What differs without an error: each sentence of the page, with the measurement that it rests on.

A function runs in the environment of the peers and returns what the sentence, its docstring, has in braces.
"""

from __future__ import annotations

import copy
import inspect
import json
import tempfile
import warnings
from typing import Any

import torch

from tools.coming_from.peers import Given, bridge_of, nnsight_of
from tutorial_lib import (
    add_hooks,
    add_vector_to_residual_stream,
    find_blocks,
    get_residual_stream_at_layer,
    load_model,
)


def hooked_transformer(given: Given) -> dict[str, Any]:
    """What TransformerLens says to code that imports its old class."""
    try:
        from transformer_lens import HookedTransformer  # noqa: F401
    except ImportError as error:
        return {"message": str(error).split(" See ")[0]}
    raise AssertionError("HookedTransformer is back: rewrite what the page says of it")


def own_names(given: Given) -> dict[str, Any]:
    """`rename=` of nnsight gives modules of different models the same name."""
    from nnsight import TransformersModel

    for family, blocks in {"llama": "model.layers", "gpt2": "transformer.h"}.items():
        model = given.models[family]
        lm = TransformersModel(
            copy.deepcopy(model), tokenizer=copy.deepcopy(given.tokenizer), rename={blocks: "blocks"}
        )
        with torch.no_grad(), lm.trace(given.ids):
            stream = lm.blocks[2].input.save()
        assert torch.equal(stream, get_residual_stream_at_layer(model, 2, given.ids))
    return {}


def out_of_order(given: Given) -> dict[str, Any]:
    """What the model is past cannot be read in nnsight."""
    lm = nnsight_of(given, copy.deepcopy(given.llama))
    try:
        with torch.no_grad(), lm.trace(given.ids):
            late = lm.model.layers[2].output.save()
            early = lm.model.layers[1].output.save()
        assert late is early, "both were read"
    except Exception as error:
        return {"error": type(error).__name__}
    return {}


def processed_weights(given: Given) -> dict[str, Any]:
    """**The bridge has the weights as they are; `HookedTransformer` had folded and centred them.** If you
    bring numbers from there, such as a direction, turn on `bridge.enable_compatibility_mode()` or measure
    them anew. On the GPT-2 it moves the stream at layer 2 by up to {gpt2_stream} and the logits by up to
    {gpt2_logits}, and the log-probabilities by {gpt2_probabilities}. In the Llama, with an RMSNorm, the
    stream stays within {llama_stream}; the logits move by up to {llama_logits}, all words of a token by the
    same amount: the log-probabilities stay within {llama_probabilities}."""
    found = {}
    for family, model in given.models.items():
        name = "blocks.2.hook_resid_pre"
        plain, processed = bridge_of(given, model), bridge_of(given, model)
        processed.enable_compatibility_mode(disable_warnings=True)
        with torch.no_grad():
            (logits, cache), (logits2, cache2) = (b.run_with_cache(given.ids) for b in (plain, processed))
        found[f"{family}_stream"] = size(cache[name] - cache2[name])
        found[f"{family}_logits"] = size(logits - logits2)
        found[f"{family}_probabilities"] = size(logits.log_softmax(-1) - logits2.log_softmax(-1))
    return found


def normalized(given: Given) -> dict[str, Any]:
    """**`ln_final.hook_normalized` is before the norm's weight.** With folded weights there was none, so this
    was what the unembedding reads. Now that is `ln_final.hook_out`; they differ by up to {apart} on the
    Llama."""
    with torch.no_grad():
        _, cache = bridge_of(given, given.llama).run_with_cache(given.ids)
    return {"apart": size(cache["ln_final.hook_normalized"] - cache["ln_final.hook_out"])}


def taken_over(given: Given) -> dict[str, Any]:
    """**The bridge changes the model that you give it.** The blocks of `model` are then of the class
    `{block}`, its attention is `{attention}`, and here `model.save_pretrained` {saving}. Hooks of this
    library still work on it and see the same stream. To keep a model, give the bridge
    `copy.deepcopy(model)`. nnsight leaves the modules as they are (`{nnsight_block}`), but sets
    `padding_side` of your tokenizer to "{padding_side}"."""
    model = copy.deepcopy(given.llama)
    model.set_attn_implementation("sdpa")
    bridge_of(given, model, take=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
        saving = "works"
    except RuntimeError as error:
        saving = f"raises a `{type(error).__name__}`"
    streams = [get_residual_stream_at_layer(each, 2, given.ids) for each in (model, given.llama)]
    assert torch.equal(*streams)
    kept, tokenizer = copy.deepcopy(given.llama), copy.deepcopy(given.tokenizer)
    tokenizer.padding_side = "right"
    nnsight_of(given, kept, tokenizer)
    return {
        "block": type(find_blocks(model)[2]).__name__,
        "attention": model.config._attn_implementation,
        "saving": saving,
        "nnsight_block": type(find_blocks(kept)[2]).__name__,
        "padding_side": tokenizer.padding_side,
    }


def attention_kernel(given: Given) -> dict[str, Any]:
    """**`eager` and `sdpa` attention round differently.** The bridge always computes `eager`; a model that
    you load yourself computes `sdpa`. Logits of the Llama differ by {apart}. `set_use_attn_result(True)` sums
    over heads in another order, too, and moves them by {by_result}."""
    fused = copy.deepcopy(given.llama)
    fused.set_attn_implementation("sdpa")
    bridge = bridge_of(given, given.llama)
    with torch.no_grad():
        before, other = bridge(given.ids), fused(given.ids).logits
        bridge.set_use_attn_result(True)
        after = bridge(given.ids)
    return {"apart": size(before - other), "by_result": size(before - after)}


def first_token(given: Given) -> dict[str, Any]:
    """**TransformerLens puts a beginning-of-sequence token before a text, whatever the tokenizer does**
    (`prepend_bos`). With a tokenizer that adds none, such as GPT-2's, `to_tokens("The capital")` has {bridge}
    tokens, and nnsight and the tokenizer have {nnsight}. Compare ids before you compare activations. For a
    part of a prompt say `prepend_bos=False`."""
    tokenizer = without_bos(given.tokenizer)
    bridge = bridge_of(given, given.llama, tokenizer=tokenizer)
    lm = nnsight_of(given, copy.deepcopy(given.llama), tokenizer)
    with lm.trace("The capital"):
        ids = lm.model.embed_tokens.input.save()
    assert ids.shape[1] == len(tokenizer("The capital").input_ids)
    return {
        "bridge": bridge.to_tokens("The capital").shape[1],
        "nnsight": ids.shape[1],
    }


def padding(given: Given) -> dict[str, Any]:
    """**Padding.** A HuggingFace tokenizer pads on the right unless it was saved otherwise; `load_model` sets
    the left. TransformerLens pads as the tokenizer says, in `generate` always on the left; nnsight always
    pads a causal model on the left. With texts both number the positions by the mask. A plain
    `model(**batch)` does not, and neither does the bridge when it is given padded ids without a mask: for a
    GPT-2 pass `position_ids`, as in [collecting](#collect-over-many-texts). Without them its stream at layer
    2 is off by up to {without}."""
    model = given.gpt2
    texts = ["I loved the movie.", "Maria gave a book to Anna."]
    batch = given.tokenizer(texts, return_tensors="pt", padding=True)
    numbers = (batch.attention_mask.cumsum(-1) - 1).clamp(min=0)
    streams = [
        get_residual_stream_at_layer(model, 2, **batch, positions=-1, **more)
        for more in ({}, {"position_ids": numbers})
    ]
    # What the words say of TransformerLens' sides.
    for side in ("left", "right"):
        tokenizer = copy.deepcopy(given.tokenizer)
        tokenizer.padding_side = side
        tokens = bridge_of(given, model, tokenizer=tokenizer).to_tokens(texts)
        padded = (tokens == tokenizer.pad_token_id).nonzero()[:, 1]
        assert padded.min() == 0 if side == "left" else padded.max() == tokens.shape[1] - 1
    bridge = bridge_of(given, model, tokenizer=tokenizer)  # pads on the right
    written = bridge.generate(texts, max_new_tokens=1, do_sample=False, return_type="tokens")
    assert (written == tokenizer.pad_token_id).nonzero()[:, 1].min() == 0
    with torch.no_grad():
        unmasked = bridge(batch.input_ids, stop_at_layer=2)[:, -1:]
    assert (unmasked - streams[1]).abs().max() > 1e-3
    return {"without": size(streams[0] - streams[1])}


def precision(given: Given) -> dict[str, Any]:
    """**dtype.** From a folder with a bfloat16 model `boot_transformers` makes a {bridge} one unless you say
    `dtype=`; `load_model` and nnsight keep {nnsight}. A float32 vector added to a bfloat16 stream raises in
    both peers ("{error}"). `add_vector_to_residual_stream` moves the vector to the stream's dtype; in your
    own hook write `vector.to(stream)`."""
    from nnsight import TransformersModel
    from transformer_lens.model_bridge import TransformerBridge

    model = copy.deepcopy(given.llama).to(torch.bfloat16)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        given.tokenizer.save_pretrained(folder)
        loaded = (
            TransformerBridge.boot_transformers(folder).original_model,
            TransformersModel(folder, task="text-generation", dispatch=True)._module,
            load_model(folder)[0],
        )
    bridge_dtype, nnsight_dtype, our_dtype = (str(each.dtype).removeprefix("torch.") for each in loaded)
    assert nnsight_dtype == our_dtype
    vector = torch.ones(model.config.hidden_size)
    raised = []
    try:
        bridge = bridge_of(given, model)
        bridge.run_with_hooks(
            given.ids,
            fwd_hooks=[("blocks.2.hook_resid_pre", lambda x, hook: x + vector)],
        )
    except RuntimeError as error:
        raised.append(str(error))
    lm = nnsight_of(given, copy.deepcopy(model))
    try:
        with lm.trace(given.ids):
            lm.model.layers[2].input = lm.model.layers[2].input + vector
    except RuntimeError as error:
        raised.append(str(error).split("\n")[-1])
    assert len(raised) == 2
    return {"bridge": bridge_dtype, "nnsight": nnsight_dtype, "error": raised[0]}


def tensor_or_tuple(given: Given) -> dict[str, Any]:
    """**`output[0]` of a block is no longer the stream.** In transformers 5 the blocks of Llama and GPT-2
    return a tensor, so `.output[0]` of older nnsight code, and of older hooks, is the first text of the
    batch: adding to it moved the logits of {moved} of {texts} texts, without an error. Attention modules do
    return a tuple, and so do the blocks of some models (Bloom, Falcon; the [atlas](atlas.md) has the column
    "Returns"). `read_output` takes both."""
    lm = nnsight_of(given, copy.deepcopy(given.llama))
    with torch.no_grad(), lm.trace(given.ids):
        before = lm.output.logits.save()
    with torch.no_grad(), lm.trace(given.ids):
        lm.model.layers[1].output[0][:] += 1
        after = lm.output.logits.save()
    moved = (before != after).flatten(1).any(1)
    return {"moved": int(moved.sum()), "texts": len(moved)}


def in_place(given: Given) -> dict[str, Any]:
    """**In-place edits reach what was saved.** After `lm.model.layers[2].input[:] += 1` a value saved
    earlier, of `lm.model.layers[1].output`, had moved by {saved}: it is the same tensor. With an assignment
    (`.input = .input + 1`) it stayed as it was. The same goes for hooks; the functions of this library
    never edit in place, and what they return is a copy."""
    lm = nnsight_of(given, copy.deepcopy(given.llama))
    with torch.no_grad(), lm.trace(given.ids):
        clean = lm.model.layers[1].output.save()
    with torch.no_grad(), lm.trace(given.ids):
        saved = lm.model.layers[1].output.save()
        lm.model.layers[2].input[:] += 1
    with torch.no_grad(), lm.trace(given.ids):
        assigned = lm.model.layers[1].output.save()
        lm.model.layers[2].input = lm.model.layers[2].input + 1
    assert torch.equal(assigned, clean)
    return {"saved": size(saved - clean)}


def gradients_on(given: Given) -> dict[str, Any]:
    """**Gradients.** Neither of the peers turns them off for you. What nnsight saves keeps the graph
    (`requires_grad={nnsight}`); what `run_with_cache` keeps is detached (`requires_grad={bridge}`), but the
    graph was made. Functions of this library that capture run without gradients unless `detach=False`."""
    lm = nnsight_of(given, copy.deepcopy(given.llama))
    with lm.trace(given.ids):
        saved = lm.model.layers[2].input.save()
    logits, cache = bridge_of(given, given.llama).run_with_cache(given.ids)
    assert logits.requires_grad
    return {
        "nnsight": saved.requires_grad,
        "bridge": cache["blocks.2.hook_resid_pre"].requires_grad,
    }


def sampling(given: Given) -> dict[str, Any]:
    """**`bridge.generate` samples by default** (`do_sample={do_sample}`), {max_new_tokens} tokens.
    `model.generate` and `lm.generate` do what the model's generation config says."""
    from transformer_lens.model_bridge import TransformerBridge

    parameters = inspect.signature(TransformerBridge.generate).parameters
    return {name: parameters[name].default for name in ("do_sample", "max_new_tokens")}


def ended_rows(given: Given) -> dict[str, Any]:
    """**Rows that end early.** `model.generate` fills a text that has ended with the padding token, and so
    does nnsight; `bridge.generate` repeats the {fill} token. A mask made of `tokens != pad`
    then takes them for text."""
    tokenizer = given.tokenizer
    vector = 5 * torch.arange(given.llama.config.hidden_size).sin()  # one of the two texts ends early
    with add_hooks(add_vector_to_residual_stream(given.llama, 2, vector)):
        ours = given.llama.generate(given.ids, max_new_tokens=6, do_sample=False)
    lm = nnsight_of(given, copy.deepcopy(given.llama))
    with lm.generate(max_new_tokens=6, do_sample=False) as tracer:
        with tracer.invoke(given.ids):
            for _step in tracer.iter[:]:
                lm.model.layers[2].input = lm.model.layers[2].input + vector
        with tracer.invoke():
            in_nnsight = tracer.result.save()
    assert torch.equal(ours, in_nnsight)
    bridge = bridge_of(given, given.llama)
    with bridge.hooks([("blocks.2.hook_resid_pre", lambda stream, hook: stream + vector)]):
        theirs = bridge.generate(given.ids, max_new_tokens=6, do_sample=False, return_type="tokens")
    apart = ours != theirs
    assert (ours[apart] == tokenizer.pad_token_id).all()
    [fill] = theirs[apart].unique().tolist()
    return {"fill": {tokenizer.eos_token_id: "end-of-sequence"}.get(fill, str(fill))}


def open_loop(given: Given) -> dict[str, Any]:
    """**What stands after `for step in tracer.iter[:]` is not run**, with a warning; reading it later is a
    `{error}`. Put it in an `invoke` of its own, as in [generating](#generate-with-an-edit)."""
    lm = nnsight_of(given, copy.deepcopy(given.llama))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with lm.generate(given.ids, max_new_tokens=2, do_sample=False) as tracer:
                for _step in tracer.iter[:]:
                    lm.model.layers[2].input  # noqa: B018
                tokens = tracer.result.save()
            tokens  # noqa: B018
        except NameError:  # in a function an UnboundLocalError, which is one
            return {"error": "NameError"}
    return {"error": "nothing"}


# What the page says elsewhere.
CLAIMS = (hooked_transformer, own_names, out_of_order)
DIFFERENCES = (
    processed_weights,
    normalized,
    taken_over,
    attention_kernel,
    first_token,
    padding,
    precision,
    tensor_or_tuple,
    in_place,
    gradients_on,
    sampling,
    ended_rows,
    open_loop,
)


def size(difference: torch.Tensor) -> str:
    """The largest element, to one digit, as it stands on the page."""
    largest = difference.abs().max().item()
    if largest == 0:
        return "0"
    return f"{largest:.0e}".replace("e-0", "e-") if largest < 1e-3 else f"{largest:.1g}"


def without_bos(tokenizer: Any) -> Any:
    """A tokenizer that adds no token of its own."""
    from tokenizers import Tokenizer

    changed = copy.deepcopy(tokenizer)
    rules = json.loads(changed.backend_tokenizer.to_str())
    rules["post_processor"] = None
    changed._tokenizer = Tokenizer.from_str(json.dumps(rules))
    return changed
