"""Grammar: the verb agrees with its subject, the pronoun with its name."""

from __future__ import annotations

import random

from tutorial_lib.tiny_model.skills.common import MALE, NAMES, OBJECTS, PLACES, Cloze, one_in

NOUNS = [
    tuple(pair.split("/"))
    for pair in [
        "key/keys",
        "book/books",
        "dog/dogs",
        "car/cars",
        "boy/boys",
        "girl/girls",
        "tree/trees",
        "teacher/teachers",
        "flower/flowers",
        "cat/cats",
        "picture/pictures",
        "student/students",
        "box/boxes",
        "house/houses",
        "bird/birds",
        "chair/chairs",
    ]
]
PREPOSITIONS = ["near", "behind", "next to", "in front of", "with"]
QUALITIES = """old new small big red green blue nice quiet heavy clean white""".split()


def agreement_held_out(noun: int, other: int) -> bool:
    """A subject with the noun that stands between it and its verb."""
    return one_in(5, "agr", noun, other)


def write_agreement(rng: random.Random, held_out: bool = False) -> str:
    """'The keys near the box are old.': the verb agrees with the subject, not with the nearest noun."""
    while True:
        noun, other = rng.sample(range(len(NOUNS)), 2)
        if agreement_held_out(noun, other) == held_out:
            break
    plural, other_plural = rng.random() < 0.5, rng.random() < 0.5
    be = rng.choice([("is", "are"), ("was", "were")])[plural]
    subject, quality = NOUNS[noun][plural], rng.choice(QUALITIES)
    if rng.random() < 0.75:
        return f"The {subject} {rng.choice(PREPOSITIONS)} the {NOUNS[other][other_plural]} {be} {quality}."
    return f"The {subject} {be} {quality}."


PRONOUN_TEMPLATES = [
    "{n} lost {his} {o}. {He} looked for it in the {p}.",
    "{n} went to the {p} because {he} wanted a {o}.",
    "{n} found a {o} in the {p}. {He} gave it to {his} friend.",
    "{n} was tired, so {he} went home.",
    "{n} has a {q} {o}. {He} bought it at the {p}.",
    "{n} told {his} friend that {he} was happy.",
]


def pronoun_held_out(name: str, template: int) -> bool:
    """A name with a phrasing."""
    return one_in(6, "pron", name, template)


def pronoun_slots(name: str) -> dict[str, str]:
    """The pronouns of a name."""
    male = name in MALE
    return {
        "n": name,
        "he": "he" if male else "she",
        "He": "He" if male else "She",
        "his": "his" if male else "her",
    }


def write_pronoun(rng: random.Random, held_out: bool = False) -> str:
    """'Mary lost her key. She looked for it in the park.'"""
    while True:
        name, t = rng.choice(NAMES), rng.randrange(len(PRONOUN_TEMPLATES))
        if pronoun_held_out(name, t) == held_out:
            slots = {"o": rng.choice(OBJECTS), "p": rng.choice(PLACES), "q": rng.choice(QUALITIES)}
            return PRONOUN_TEMPLATES[t].format(**pronoun_slots(name), **slots)


def agreement_prompts(n: int, held_out: bool = True, *, seed: int = 4) -> list[Cloze]:
    """'The keys near the box' -> 'are' or 'were', not 'is' or 'was'."""
    rng = random.Random(seed)
    out = []
    for _ in range(n):
        words = write_agreement(rng, held_out).split()
        at = next(i for i, word in enumerate(words) if word in ("is", "are", "was", "were"))
        plural = words[at] in ("are", "were")
        out.append(Cloze(" ".join(words[:at]), *(("are", "is") if plural else ("is", "are"))))
    return out


def pronoun_prompts(held_out: bool = True) -> list[Cloze]:
    """'Mary was tired, so' -> 'she', not 'he'."""
    out = []
    for name in NAMES:
        for t, template in enumerate(PRONOUN_TEMPLATES):
            if pronoun_held_out(name, t) == held_out:
                mark = "{He}" if "{He}" in template else "{he}"
                slots = {"o": "ball", "p": "park", "q": "red"}
                text = template.split(f" {mark}")[0].format(**pronoun_slots(name), **slots)
                words = ("he", "she") if mark == "{he}" else ("He", "She")
                out.append(Cloze(text, *(words if name in MALE else words[::-1])))
    return out
