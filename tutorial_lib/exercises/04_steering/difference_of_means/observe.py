from tutorial_lib.exercises.notes import hooks_on


def observe(answer, case):
    towards = case.ids(batch=4, seq=5, name="towards")
    away = case.ids(batch=3, seq=7, name="away")
    position = case.positions(5)[0] - 5
    model, layer = case.model, case.layer
    return {
        "direction": answer(model, layer, position, towards, away),
        "swapped": answer(model, layer, position, away, towards),
        "equal sizes": answer(model, layer, position, towards, case.ids(batch=4, seq=5, name="away")),
        "hooks left": hooks_on(model),
    }
