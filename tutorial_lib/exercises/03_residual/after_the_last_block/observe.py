from tutorial_lib import leftover_hooks


def observe(answer, case):
    stream = answer(case.model, case.ids(batch=3, seq=case.number("seq", 5, 8)))
    left = leftover_hooks(case.model)
    return {
        "stream": stream,
        "hooks left": [str(hook) for hook in left if hook.owner != "transformers"],
    }
