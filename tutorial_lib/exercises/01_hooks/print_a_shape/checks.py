from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_same


@check("the hook prints the shape of what comes into the block")
def prints_the_shape(case, seen):
    ids = case.ids(batch=2, seq=case.number("seq", 5, 9))
    shape = (*ids.shape, case.d_model)
    text = seen["printed"].strip()
    if text == str(shape):
        return
    if seen["printed at once"].strip():
        raise Wrong(
            "runs_the_hook_itself",
            "your function printed when it was called; the hook must print when the block runs",
            expected=f"{shape} on each run of the model",
            seen=f"{seen['printed at once'].strip()} before any run",
        )
    if not text:
        raise Wrong(
            "never_registered", "nothing was printed when the model ran", expected=str(shape), seen="no text"
        )
    if text.isdigit() or text.startswith(("(tensor", "(Tensor", "<class")):
        raise Wrong(
            "prints_the_tuple",
            "you printed something of `args` itself, which is a tuple; the stream is its first element",
            expected=str(shape),
            seen=text,
        )
    raise Wrong("other_text", "the hook printed something else", expected=str(shape), seen=text)


@check("the function returns the handle", see="chapters/1-hook-basics.md#a-pre-hook-sees-what-comes-in")
def returns_the_handle(case, seen):
    if not seen["removable"]:
        raise Wrong(
            "returns_no_handle",
            "you registered the hook but did not return its handle, so nobody can take it off",
            expected="what register_forward_pre_hook returned",
            seen=seen["handle"] if seen["handle"] is not None else "None",
        )
    if seen["printed after removal"]:
        raise Wrong(
            "another_handle",
            "after handle.remove() the hook still prints: is it registered twice?",
            expected="no text",
            seen=seen["printed after removal"].strip(),
        )


@check("the hook changes nothing")
def changes_nothing(case, seen):
    ids = case.ids(batch=2, seq=case.number("seq", 5, 9))
    expect_close(seen["before"], case.logits(ids), "what the model says before your hook")
    expect_same(seen["during"], seen["before"], "what the model says with your hook")
