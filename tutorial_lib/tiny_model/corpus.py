"""The corpus: documents of nine skills, mixed.

>>> import random
>>> document(random.Random(3)).text
'<|bos|>The money of Thailand is called the baht.<|end|>'
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType

from tutorial_lib.tiny_model.skills import common, facts, grammar, names, people, requests, reviews
from tutorial_lib.tiny_model.skills.common import ASSISTANT, BOS, END, USER

SKILLS: dict[str, Callable[..., str]] = {
    "fact": facts.write,
    "people": people.write,
    "indirect object": names.write,
    "indirect object, short": names.write_short,
    "review": reviews.write,
    "chat": requests.write,
    "agreement": grammar.write_agreement,
    "pronoun": grammar.write_pronoun,
}

#: Share of documents. "copy" is `copied_words`.
MIX = {
    "fact": 0.13,
    "people": 0.12,
    "indirect object": 0.20,
    "indirect object, short": 0.11,
    "review": 0.09,
    "chat": 0.11,
    "agreement": 0.03,
    "pronoun": 0.03,
    "copy": 0.18,
}

#: Words that no template uses. They are in the vocabulary so that a prompt of the reader's own falls apart
#: less often; training shows them in copied lists alone, so the model can repeat them and no more.
EXTRA_WORDS = """good happy sad yes not no but or if then than this these those them us our your their
    me him who when why which there all some any many one two three four five day night morning evening
    year time world life man woman people water fire tree sun moon star river sea mountain road city
    village family mother father brother sister see hear say know think want eat drink sleep run walk
    sit stand sat ran came come go make made love hate like from up down over under after before into
    out off about again very too only mat hello Hello""".split()


@dataclass(frozen=True)
class Document:
    """One training text."""

    text: str
    skill: str
    unpredictable: str = BOS
    """How it begins, as far as nobody can predict it: training asks for nothing there."""


def random_word(rng: random.Random) -> str:
    """Mostly a word of the vocabulary, now and then one that falls apart into letters."""
    if rng.random() < 0.97:
        return rng.choice(words())
    return "".join(rng.choice(string.ascii_letters) for _ in range(rng.randint(2, 5)))


def copied_words(rng: random.Random) -> Document:
    """A list of random words, written two to five times; only the later copies can be predicted."""
    n = rng.randint(2, 8) if rng.random() < 0.7 else rng.randint(8, 20)
    times = rng.randint(3, 5) if n <= 6 else rng.randint(2, 3) if n <= 10 else 2
    once = [random_word(rng) for _ in range(n)]
    return Document(BOS + " ".join(once * times) + END, "copy", BOS + " ".join(once))


def as_typed(rng: random.Random, text: str) -> str:
    """Now and then what people do: no capital at the start, no mark at the end of what the user says."""
    if text.startswith(USER):
        said, _, answer = text.removeprefix(USER).partition(ASSISTANT)
        if rng.random() < 0.15:
            said = said[:1].lower() + said[1:]
        if rng.random() < 0.15:
            said = said.rstrip(".?")
        return USER + said + ASSISTANT + answer
    return text


def document(rng: random.Random, mix: dict[str, float] = MIX) -> Document:
    """Draw one training document; held-out combinations never occur in it."""
    skill = rng.choices(list(mix), weights=list(mix.values()))[0]
    if skill == "copy":
        return copied_words(rng)
    return Document(BOS + as_typed(rng, SKILLS[skill](rng)) + END, skill)


def _strings(value: object) -> Iterator[str]:
    """Every string in a module's constants."""
    if isinstance(value, ModuleType):
        for name, constant in vars(value).items():
            if name.isupper():
                yield from _strings(constant)
    elif isinstance(value, dict):
        for pair in value.items():
            yield from _strings(pair)
    elif isinstance(value, (list, tuple, set)):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, str):
        yield value


@lru_cache
def words() -> tuple[str, ...]:
    """Every word that a template or a word list can write, sorted; marks and punctuation left out."""
    modules = (common, facts, people, names, reviews, requests, grammar)
    texts = {re.sub(r"<\|.*?\|>|\{\w*\}", " ", text) for module in modules for text in _strings(module)}
    found = {word for text in texts for word in re.findall(r"[A-Za-z]+", text)} | set(EXTRA_WORDS)
    found |= {"an", "he", "she", "He", "She", "his", "her"}  # chosen in code, not written in a template
    # A request may begin without its capital, see `as_typed`.
    asked = requests.REQUESTS + requests.REVIEW_REQUESTS + [ask for ask, _ in requests.SMALL_TALK]
    found |= {text.split()[0].lower().strip(".") for text in [*asked, "Tell me", "Where is"]}
    return tuple(sorted(found))
