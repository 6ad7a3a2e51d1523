import copy

from tutorial_lib.exercises.notes import hooks_on

SEQ = 4


def observe(answer, case):
    ids, another, word = case.ids(1, SEQ), case.ids(1, SEQ, "another text"), case.number("answer", 16, 100)
    fresh = copy.deepcopy(case.model)  # on which no hook of the first call is left
    one, two = case.positions(SEQ, 1), case.positions(SEQ, 2)
    seen = {"before": case.logits(another), "one": answer(case.model, ids, one, noise(case, one), word)}
    seen["after"], seen["hooks left"] = case.logits(another), hooks_on(case.model)
    seen["no noise"] = answer(fresh, ids[:, :2], [0], noise(case, [0]) * 0, word)
    seen["two"] = answer(fresh, ids, two, noise(case, two), word)
    return seen


def noise(case, subject):
    """Three times the spread of the embeddings, as in the paper."""
    spread = 3 * case.map.embedding.weight.std().item()
    return spread * case.normal(len(subject), case.d_model, name=f"noise on {len(subject)}")
