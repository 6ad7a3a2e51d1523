from tutorial_lib.exercises.checking import check, expect_same


@check("doubled bit for bit")
def is_exact(case, seen):
    expect_same(seen["doubled"], case.normal(2, 3) * 2, "what you returned")
