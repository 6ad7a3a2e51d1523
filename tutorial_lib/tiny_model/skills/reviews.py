"""Reviews with one sentiment throughout."""

from __future__ import annotations

import random
import re
from functools import lru_cache

from tutorial_lib.tiny_model.skills.common import NAMES, Cloze, one_in

GOOD = """wonderful lovely brilliant great delightful charming superb excellent amazing beautiful
    fantastic perfect""".split()
BAD = """terrible awful boring dull horrible bad dreadful ugly poor annoying messy stupid""".split()
LIKED, DISLIKED = ["loved", "enjoyed", "liked", "admired"], ["hated", "disliked", "regretted", "despised"]
REVIEWED = {
    "movie": "acting plot music ending story cast",
    "book": "plot ending story writing cover characters",
    "play": "acting costumes music ending story cast",
    "restaurant": "food service waiter dessert soup room",
    "hotel": "room bed pool breakfast view staff",
    "concert": "singer music band sound lights songs",
    "game": "graphics music story controls levels ending",
    "show": "acting jokes host music ending cast",
    "trip": "weather food view hotel guide beach",
}
ASPECTS = {item: aspects.split() for item, aspects in REVIEWED.items()}
PLURAL_ASPECTS = {"characters", "costumes", "lights", "songs", "graphics", "controls", "levels", "jokes"}
TRIED = {
    "movie": "watched",
    "book": "read",
    "play": "saw",
    "restaurant": "tried",
    "hotel": "tried",
    "concert": "heard",
    "game": "played",
    "show": "watched",
    "trip": "took",
}

NEUTRAL = [
    "I {tried} the {i} last week.",
    "My friend told me about the {i}.",
    "I {tried} the {i} with {n}.",
    "It was on a Sunday.",
    "We arrived at noon.",
    "It was raining that day.",
]
GLAD = [
    "I loved the {i}.",
    "I enjoyed every minute.",
    "I smiled the whole time.",
    "I will come back soon.",
    "Everyone was happy.",
    "I felt great joy.",
    "I recommend it to everyone.",
    "It made my day.",
]
SORRY = [
    "I hated the {i}.",
    "I regretted every minute.",
    "I frowned the whole time.",
    "I will never come back.",
    "Everyone was angry.",
    "I felt only pain.",
    "I warn everyone about it.",
    "It ruined my day.",
]
OPINIONS = [
    "The {a} {be} {j}.",
    "The {a} {be} {j}.",
    "The {a} {be} really {j}.",
    "I thought the {a} {be} {j}.",
]
VERDICT = "I {v} the {a}."


def opinion_held_out(aspect: str, adjective: str) -> bool:
    """An aspect with an adjective."""
    return one_in(6, "sent", aspect, adjective)


def _opinion(rng: random.Random, item: str, good: bool, held_out: bool) -> str:
    while True:
        aspect, adjective = rng.choice([*ASPECTS[item], item]), rng.choice(GOOD if good else BAD)
        if opinion_held_out(aspect, adjective) == held_out:
            be = "were" if aspect in PLURAL_ASPECTS else "was"
            return rng.choice(OPINIONS).format(a=aspect, be=be, j=adjective)


def write(
    rng: random.Random,
    held_out: bool = False,
    *,
    good: bool | None = None,
    sentences: int | None = None,
    item: str | None = None,
) -> str:
    """'I watched the movie last week. The acting was superb. It made my day.' One sentiment throughout."""
    good = rng.random() < 0.5 if good is None else good
    item = item or rng.choice(list(ASPECTS))
    out = [rng.choice(NEUTRAL[:3])] if rng.random() < 0.6 else []
    for _ in range(sentences or rng.randint(2, 5)):
        kind = rng.random()
        if kind < 0.62:
            out.append(_opinion(rng, item, good, held_out))
        elif kind < 0.74:
            out.append(VERDICT.format(v=rng.choice(LIKED if good else DISLIKED), a=rng.choice(ASPECTS[item])))
        elif kind < 0.9:
            out.append(rng.choice(GLAD if good else SORRY))
        else:
            out.append(rng.choice(NEUTRAL))
    return " ".join(out).format(i=item, tried=TRIED[item], n=rng.choice(NAMES))


def prompts(n: int, held_out: bool = True, *, good: bool | None = None, seed: int = 7) -> list[Cloze]:
    """A review of two sentences that stops before an adjective; the answer is 'good' or 'bad', not a word.

    Args:
        n: How many.
        held_out: Whether its opinions pair aspects with adjectives that training did not pair.
        good: Their sentiment; None alternates good, bad, good ...
        seed: For the choice of words.
    """
    rng = random.Random(seed)
    out = []
    for i in range(n):
        positive = i % 2 == 0 if good is None else good
        item = rng.choice(list(ASPECTS))
        aspect = rng.choice([a for a in ASPECTS[item] if a not in PLURAL_ASPECTS])
        text = write(rng, held_out, good=positive, sentences=2, item=item)
        out.append(Cloze(f"{text} The {aspect} was", "good" if positive else "bad", group=item))
    return out


def neutral_prompts() -> list[str]:
    """'I watched the movie last week. The acting was': nothing in it is good or bad yet."""
    return [
        f"I {TRIED[item]} the {item} last week. The {aspect} was"
        for item, aspects in ASPECTS.items()
        for aspect in aspects
        if aspect not in PLURAL_ASPECTS
    ]


@lru_cache
def _sentences() -> re.Pattern[str]:
    """Every sentence that a review can hold, as one pattern."""
    aspects = {aspect for listed in ASPECTS.values() for aspect in listed} | set(ASPECTS)
    slots = dict(
        tried=TRIED.values(),
        i=ASPECTS,
        n=NAMES,
        a=aspects,
        be=("was", "were"),
        j=GOOD + BAD,
        v=LIKED + DISLIKED,
    )
    alternatives = {slot: "(?:" + "|".join(sorted(set(words))) + ")" for slot, words in slots.items()}
    templates = {*NEUTRAL, *GLAD, *SORRY, *OPINIONS, VERDICT}
    return re.compile(
        "|".join(
            re.escape(t).replace(r"\{", "{").replace(r"\}", "}").format(**alternatives)
            for t in sorted(templates)
        )
    )


def readable(text: str) -> float:
    """Share of a text's sentences that are sentences of a review; the last, unfinished one does not count."""
    sentences = [part.strip() for part in re.findall(r"[^.]*\.", text)]
    return sum(bool(_sentences().fullmatch(s)) for s in sentences) / len(sentences) if sentences else 0.0
