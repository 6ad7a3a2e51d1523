from tutorial_lib.exercises.checking import Wrong, check, expect_close, is_close


@check("every value is doubled")
def is_doubled(case, seen):
    given = case.normal(2, 3)
    if is_close(seen["doubled"], given + 2):
        raise Wrong("adds_two", "you added two to each value", expected=given * 2, seen=seen["doubled"])
    expect_close(seen["doubled"], given * 2, "what you returned")


@check("the tensor that was given is the same as before")
def is_left_alone(case, seen):
    given = case.normal(2, 3)
    if is_close(seen["given"], given * 2):
        raise Wrong("in_place", "you changed the tensor that was given", expected=given, seen=seen["given"])
    expect_close(seen["given"], given, "the tensor that was given")
