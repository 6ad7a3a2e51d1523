"""Facts about 48 invented people: 'John Stone works as a doctor.'"""

from __future__ import annotations

import random

from tutorial_lib.tiny_model.skills.common import NAMES, Cloze, clause, one_in

LAST_NAMES = """Stone Hill Brown Wood King Young Reed Field Lane West Banks Moss""".split()
JOBS = """doctor lawyer baker pilot nurse painter farmer singer dentist plumber chef judge""".split()
INSTRUMENTS = ["violin", "piano", "guitar", "flute", "drums", "cello", "harp", "trumpet"]


def _people() -> list[tuple[str, str, str, str]]:
    """48 invented people: first name, last name, job, instrument. No two share both names."""
    rng = random.Random(77)
    rows = []
    for i in range(48):
        first, last = NAMES[(i % 16) * 3], LAST_NAMES[(i * 5 + i // 16) % 12]
        rows.append((first, last, rng.choice(JOBS), rng.choice(INSTRUMENTS)))
    return rows


PEOPLE = _people()

PEOPLE_TEMPLATES = {
    "job": [
        "{f} {l} works as a {x}.",
        "The job of {f} {l} is {x}.",
        "Q: What does {f} {l} do? A: {x}.",
        "Everyone knows that {f} {l} is a {x}.",
        "{f} {l} became a {x}.",
        "{f} {l} is a famous {x}.",
        "My friend {f} {l} works as a {x}.",
    ],
    "instrument": [
        "{f} {l} plays the {x}.",
        "The favorite instrument of {f} {l} is the {x}.",
        "Q: What does {f} {l} play? A: the {x}.",
        "Everyone knows that {f} {l} plays the {x}.",
        "{f} {l} bought a new {x}.",
        "{f} {l} learned to play the {x}.",
        "My friend {f} {l} plays the {x}.",
    ],
}


def person_held_out(first: str, last: str, attribute: str, template: int) -> bool:
    """A person with a phrasing."""
    return one_in(5, "person", first, last, attribute, clause(PEOPLE_TEMPLATES[attribute][template]))


def write(rng: random.Random, held_out: bool = False) -> str:
    """'John Stone works as a doctor.'"""
    while True:
        first, last, job, instrument = rng.choice(PEOPLE)
        attribute = rng.choice(list(PEOPLE_TEMPLATES))
        templates = PEOPLE_TEMPLATES[attribute]
        t = rng.randrange(len(templates))
        if person_held_out(first, last, attribute, t) == held_out:
            return templates[t].format(f=first, l=last, x=job if attribute == "job" else instrument)


def prompts(held_out: bool = True) -> list[Cloze]:
    """Every person and phrasing: 'John Stone works as a' -> 'doctor'."""
    return [
        Cloze(
            template.split(" {x}")[0].format(f=first, l=last),
            job if attribute == "job" else instrument,
            group=attribute,
        )
        for first, last, job, instrument in PEOPLE
        for attribute, templates in PEOPLE_TEMPLATES.items()
        for t, template in enumerate(templates)
        if person_held_out(first, last, attribute, t) == held_out
    ]
