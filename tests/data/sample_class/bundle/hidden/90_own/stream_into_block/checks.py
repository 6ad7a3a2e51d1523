from tutorial_lib import get_residual_stream_at_layer
from tutorial_lib.exercises.checking import Wrong, check, expect_close


@check("also for a batch of one")
def is_the_stream(case, seen):
    ids = case.ids(batch=1, seq=4, name="hidden ids")
    wanted = get_residual_stream_at_layer(case.model, case.layer, ids)
    expect_close(seen["stream"], wanted, "what you returned for one row")


@check("the model is left as it was")
def is_left_clean(case, seen):
    if any(seen["hooks"]):
        raise Wrong(
            "hook_left_on",
            "your hook is still on the model",
            expected="zero pre-hooks on every block",
            seen=f"{sum(seen['hooks'])} pre-hooks",
        )
