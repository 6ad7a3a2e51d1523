from tutorial_lib.exercises.notes import hooks_on


def observe(answer, case):
    added = answer(case.model, case.ids(batch=3, seq=case.number("seq", 5, 8)))
    return {
        "added": added,
        "hooks left": hooks_on(case.model),
    }
