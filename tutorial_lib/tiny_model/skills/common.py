"""What all skills share: the marks of a document, who and where, and the rule for what is held out."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

BOS, END, USER, ASSISTANT = "<|bos|>", "<|end|>", "<|user|>", "<|assistant|>"

MALE = """John James Robert Michael David Thomas Paul Mark George Kevin Brian Edward Peter Adam Henry
    Jack Simon Frank Eric Luke Oscar Victor Martin Leo Daniel""".split()
FEMALE = """Mary Linda Susan Karen Nancy Lisa Betty Helen Sandra Anna Ruth Emma Laura Amy Alice Julia
    Rose Clara Jane Kate Diana Grace Lucy Sarah Maria""".split()
NAMES = MALE + FEMALE
PLACES = """store park school office garden beach library station market museum hospital restaurant cafe
    farm church""".split()
OBJECTS = """drink book ball ring letter flower ticket hat cake map pen key lemon basket bone computer
    camera guitar snack toy""".split()


@dataclass(frozen=True)
class Cloze:
    """A text that stops before the word it asks for."""

    prompt: str
    answer: str
    """The word that is right, without the space before it."""
    other: str = ""
    """The word to compare with, where the skill has one: the other name, the other form of the verb."""
    group: str = ""
    """What to count together: the attribute of a fact, the sentiment of a review."""


def one_in(n: int, *parts: object) -> bool:
    """Whether this combination is among the one in `n` that training never shows.

    A checksum of the parts decides, so it does not depend on the seed, the order or the machine.
    """
    return zlib.crc32("|".join(map(str, parts)).encode()) % n == 0


def clause(template: str) -> str:
    """What a phrasing says, without how it is introduced.

    'The capital of {c} is {x}.' also stands in 'Everyone knows that the capital ...' and in a chat.
    Held out in one of them alone, it would be learned from the others.
    """
    said = template.rpartition(ASSISTANT)[2].lower()
    for introduction in ("everyone knows that ", "my friend "):
        said = said.removeprefix(introduction)
    return said
