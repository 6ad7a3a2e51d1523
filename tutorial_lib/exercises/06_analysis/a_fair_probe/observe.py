import torch

from tutorial_lib import get_residual_stream_at_layer

N_TEST = 60


def observe(answer, case):
    seen = {}
    for name, data in data_sets(case).items():
        returned = answer(*(part.clone() for part in data))
        seen[name] = [number(part) for part in returned] if isinstance(returned, (tuple, list)) else returned
    return seen


def number(value):
    """A number of torch or numpy as a plain one; anything else as it is."""
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        return value


def data_sets(case):
    """What the answer is called with; each of the sets shows another mistake."""
    return {
        "plain": planted(case, "plain"),
        "leaky": planted(case, "leaky", mark=8.0),
        "shifted": planted(case, "shifted", shift=4.0, of_each=(10, 50)),
        "one-sided": planted(case, "one-sided", of_each=(56, 4), swap=False),
        "words": words(case),
    }


def planted(case, name, *, shift=0.0, mark=0.0, of_each=(30, 30), swap=True):
    """Rows of noise with their side along a planted direction, nothing else of which lies along it.

    Some test labels are turned round, so no honest probe is right about these rows.

    Args:
        shift: moves all rows along the direction.
        mark: writes the label of the turned test rows along a direction on which the training rows are 0.
        of_each: how many test rows are on each side.
        swap: whether the order gives each training row the label of the other side, or of its own.
    """
    n_train = 4 * case.d_model
    first, second = two_directions(case)
    side = torch.ones(n_train, device=first.device)
    side[n_train // 2 :] = -1
    test_side = torch.cat([torch.ones(of_each[0]), -torch.ones(of_each[1])]).to(first.device)
    noise = case.normal(n_train + N_TEST, case.d_model, name=f"noise {name}")
    noise = noise - (noise @ first)[:, None] * first
    if mark:
        noise = noise - (noise @ second)[:, None] * second
    size = torch.full_like(test_side, 4.0)
    if not swap:
        size[:40], size[40:] = 2, 10  # most rows lie below the mean of the test rows
    labels = turned(case, name, test_side)
    train = noise[:n_train] + (shift + 4 * side)[:, None] * first
    test = noise[n_train:] + (shift + size * test_side)[:, None] * first
    test = test + (mark * labels * (labels != test_side))[:, None] * second
    return train, side, test, labels, orders(case, name, side, swap)


def two_directions(case):
    """Of norm 1 and at right angles."""
    first, second = case.direction("planted"), case.direction("mark")
    second = second - (first @ second) * first
    return first, second / second.norm()


def turned(case, name, side):
    """The labels of the test rows: their sides, with some of them turned round."""
    count = case.number(f"turned {name}", 6, 18)
    labels = side.clone()
    labels[case.normal(len(side), name=f"which {name}").argsort()[:count]] *= -1
    return labels


def orders(case, name, side, swap):
    """An order of the training rows by which each gets a label of the other side, or of its own."""
    order = torch.empty(len(side), dtype=torch.long, device=side.device)
    by_chance = case.normal(len(side), name=f"order {name}").argsort()
    for value in (1, -1):
        to = by_chance[side[by_chance] == value]
        order[to] = by_chance[side[by_chance] == (-value if swap else value)]
    return order


def words(case):
    """The model's own streams at the last token, which is one of two words; the labels say which."""
    ids = case.ids(60 + N_TEST, 2)
    side = torch.ones(len(ids), device=ids.device)
    side[::2] = -1
    ids[:, -1] = torch.where(side > 0, *far_apart(case))
    streams = get_residual_stream_at_layer(case.model, case.layer, ids, positions=-1)[:, 0]
    order = orders(case, "words", side[:60], True)
    return streams[:60], side[:60], streams[60:], turned(case, "words", side[60:]), order


def far_apart(case):
    """Two words that the model tells apart: some pairs it has seldom seen, and embeds alike."""
    some = case.ids(1, 24, "two words")[0]
    embedded = case.model.get_input_embeddings()(some)
    first, second = divmod(int(torch.cdist(embedded, embedded).argmax()), len(some))
    return int(some[first]), int(some[second])
