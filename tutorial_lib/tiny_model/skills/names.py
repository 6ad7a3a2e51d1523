"""Who gave what to whom: the indirect object task of Wang et al. (arXiv 2211.00593)."""

from __future__ import annotations

import random

from tutorial_lib.tiny_model.skills.common import NAMES, OBJECTS, PLACES, Cloze, one_in

IOI_TEMPLATES = [
    "When {A} and {B} went to the {p}, {S} {v} a {o} to {IO}.",
    "Then, {A} and {B} went to the {p}. {S} {v} the {o} to {IO}.",
    "After {A} and {B} met at the {p}, {S} {v} a {o} to {IO}.",
    "While {A} and {B} were at the {p}, {S} {v} the {o} to {IO}.",
    "{A} and {B} had a long day at the {p}. {S} {v} a {o} to {IO}.",
    "Yesterday {A} and {B} walked to the {p}, and {S} {v} a {o} to {IO}.",
]
IOI_ENDINGS = ["", "", " {IO} said thank you.", " {IO} thanked {S}.", " {S} smiled at {IO}."]
IOI_SHORT = [
    "{A} and {B} met. {S} thanked {IO}.",
    "{A} saw {B}. {S} smiled at {IO}.",
    "{A} and {B} played a game. {S} helped {IO}. {IO} thanked {S}.",
    "{A} met {B}. {S} {v} a {o} to {IO}. {IO} {v} it to {S}.",
    "{A} and {B} were at the {p}. {S} saw {IO}.",
]


GIVING = ["gave", "handed", "offered", "passed"]


def pair_held_out(a: str, b: str) -> bool:
    """A pair of names, in either order."""
    return one_in(6, "ioi", *sorted((a, b)))


def slots_for(rng: random.Random, held_out: bool) -> dict[str, str]:
    """Fill the slots: A and B are the two names in order, S gives (the subject) and IO is given to."""
    while True:
        a, b = rng.sample(NAMES, 2)
        if pair_held_out(a, b) == held_out:
            break
    s, io = (a, b) if rng.random() < 0.5 else (b, a)
    return {
        "A": a,
        "B": b,
        "S": s,
        "IO": io,
        "p": rng.choice(PLACES),
        "o": rng.choice(OBJECTS),
        "v": rng.choice(GIVING),
    }


def write(rng: random.Random, held_out: bool = False) -> str:
    """'When John and Mary went to the store, John gave a drink to Mary.' (Wang et al., arXiv 2211.00593)"""
    return (rng.choice(IOI_TEMPLATES) + rng.choice(IOI_ENDINGS)).format(**slots_for(rng, held_out))


def write_short(rng: random.Random, held_out: bool = False) -> str:
    """'John met Mary. John gave a book to Mary. Mary gave it to John.'"""
    return rng.choice(IOI_SHORT).format(**slots_for(rng, held_out))


def prompts(n: int, held_out: bool = True, *, seed: int = 5, template: str | None = None) -> list[Cloze]:
    """'When John and Mary went to the store, John gave a drink to' -> 'Mary', not 'John'."""
    rng = random.Random(seed)
    out = []
    for _ in range(n):
        slots = slots_for(rng, held_out)
        text = (template or rng.choice(IOI_TEMPLATES)).removesuffix(" {IO}.").format(**slots)
        out.append(Cloze(text, slots["IO"], slots["S"]))
    return out
