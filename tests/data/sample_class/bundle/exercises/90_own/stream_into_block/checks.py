from tutorial_lib import cache_residual_streams
from tutorial_lib.exercises.checking import Wrong, check, expect_close, is_close


@check("the stream is what comes into the block")
def is_the_stream(case, seen):
    ids = case.ids(batch=2, seq=5)
    layer = max(case.layer, 2)
    streams, _ = cache_residual_streams(case.model, ids, after_last_block=True)
    came_in = list(streams.values())
    if is_close(seen["stream"], came_in[0]):
        raise Wrong(
            "first_block",
            "you returned what comes into block 0, whichever layer was asked for",
            expected=f"the stream into block {layer}",
            seen="the stream into block 0",
        )
    if is_close(seen["stream"], came_in[layer - 1]):
        raise Wrong(
            "one_block_early",
            "you returned what comes into the block before",
            expected=f"the stream into block {layer}",
            seen=f"the stream into block {layer - 1}",
        )
    if is_close(seen["stream"], came_in[layer + 1]):
        raise Wrong(
            "what_comes_out",
            "you returned what the block gives out",
            expected=f"the stream into block {layer}",
            seen=f"the stream into block {layer + 1}",
        )
    expect_close(seen["stream"], came_in[layer], "what you returned")
