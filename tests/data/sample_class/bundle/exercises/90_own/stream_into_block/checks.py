from tutorial_lib import get_residual_stream_at_layer
from tutorial_lib.exercises.checking import Wrong, check, expect_close, is_close


@check("the stream is what comes into the block")
def is_the_stream(case, seen):
    ids = case.ids(batch=2, seq=5)
    stream = get_residual_stream_at_layer(case.model, case.layer, ids)
    if is_close(seen["stream"], get_residual_stream_at_layer(case.model, 0, ids)):
        raise Wrong(
            "first_block",
            "you returned what comes into block 0, whichever layer was asked for",
            expected=f"the stream into block {case.layer}",
            seen="the stream into block 0",
        )
    if is_close(seen["stream"], get_residual_stream_at_layer(case.model, case.layer - 1, ids)):
        raise Wrong(
            "one_block_early",
            "you returned what comes into the block before",
            expected=f"the stream into block {case.layer}",
            seen=f"the stream into block {case.layer - 1}",
        )
    expect_close(seen["stream"], stream, "what you returned")
