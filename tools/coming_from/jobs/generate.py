"""Generate with an edit

`vector` is added at layer 2 at every token, those of the prompt and those that
are generated, greedily.
"""

from tutorial_lib import add_hooks, add_vector_to_residual_stream


def plain(model, ids, vector):
    """`generate` calls the model once for the prompt and then once for each
    further token, and the hook runs each time.
    `positions=select_generated(...)` edits the new tokens only."""
    with add_hooks(add_vector_to_residual_stream(model, 2, vector)):
        tokens = model.generate(ids, max_new_tokens=6, do_sample=False)
    return tokens


def transformer_lens(bridge, ids, vector):
    """Mind `do_sample`: the default is to sample."""

    def add_vector(stream, hook):
        return stream + vector

    with bridge.hooks([("blocks.2.hook_resid_pre", add_vector)]):
        tokens = bridge.generate(
            ids, max_new_tokens=6, do_sample=False, return_type="tokens"
        )
    return tokens


def nnsight(lm, ids, vector):
    """The loop is over the calls of the model. Two `invoke` blocks, since what
    follows an open loop in its own block is never run."""
    with lm.generate(max_new_tokens=6, do_sample=False) as tracer:
        with tracer.invoke(ids):
            for _step in tracer.iter[:]:
                block = lm.model.layers[2]
                block.input = block.input + vector
        with tracer.invoke():
            tokens = tracer.result.save()
    return tokens
