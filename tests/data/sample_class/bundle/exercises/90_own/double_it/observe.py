def observe(answer, case):
    given = case.normal(2, 3)
    doubled = answer(given)
    return {"doubled": doubled, "given": given}
