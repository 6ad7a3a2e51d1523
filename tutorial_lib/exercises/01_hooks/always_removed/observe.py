class Bug(Exception):
    pass


class Interrupt(BaseException):
    """As Ctrl-C is: not an Exception."""


def observe(answer, case):
    ids = case.ids(batch=2, seq=case.number("seq", 4, 7))
    block, other = case.map.blocks[case.layer], case.map.blocks[case.other_layer]
    vector, factor = case.direction() * case.d_model**0.5, case.number("halves", 3, 9) / 2

    def add(module, args):
        return (args[0] + vector, *args[1:])

    def scale(module, args):
        return (args[0] * factor, *args[1:])

    pairs = [(block, add), (block, scale), (other, add)]
    seen = {"before": case.logits(ids)}

    with answer(pairs):
        seen["inside"] = case.logits(ids)
    seen["after"] = case.logits(ids)

    for error in (Bug, Interrupt):
        seen[f"raised by {error.__name__}"] = what_comes_out_of(answer, pairs, error)
        seen[f"after {error.__name__}"] = case.logits(ids)

    seen["raised by a broken pair"] = what_comes_out_of(answer, [pairs[0], (None, scale), pairs[2]], None)
    seen["after a broken pair"] = case.logits(ids)

    earlier = block.register_forward_pre_hook(add)
    seen["with an earlier hook"] = case.logits(ids)
    with answer(pairs):
        seen["inside, with an earlier hook"] = case.logits(ids)
    seen["after, with an earlier hook"] = case.logits(ids)
    earlier.remove()
    seen["at the end"] = case.logits(ids)
    return seen


def what_comes_out_of(answer, pairs, error):
    """The name of the exception that a `with` block ends in whose body raises an error."""
    try:
        with answer(pairs):
            if error is not None:
                raise error("raised in the body")
    except KeyboardInterrupt:
        raise
    except BaseException as raised:
        return type(raised).__name__
    return "nothing"
