"""Facts about countries: 'The capital of France is Paris.'"""

from __future__ import annotations

import random

from tutorial_lib.tiny_model.skills.common import ASSISTANT, NAMES, USER, Cloze, clause, one_in

COUNTRIES: list[tuple[str, str, str, str, str]] = [
    (country, capital, language, continent, currency)
    for country, capital, language, continent, currency in (
        line.split()
        for line in """
        France Paris French Europe euro
        Germany Berlin German Europe euro
        Italy Rome Italian Europe euro
        Spain Madrid Spanish Europe euro
        Portugal Lisbon Portuguese Europe euro
        Greece Athens Greek Europe euro
        Poland Warsaw Polish Europe zloty
        Sweden Stockholm Swedish Europe krona
        Norway Oslo Norwegian Europe krone
        Denmark Copenhagen Danish Europe krone
        Finland Helsinki Finnish Europe euro
        Hungary Budapest Hungarian Europe forint
        Romania Bucharest Romanian Europe leu
        Czechia Prague Czech Europe koruna
        Ukraine Kyiv Ukrainian Europe hryvnia
        Russia Moscow Russian Europe ruble
        Ireland Dublin English Europe euro
        Austria Vienna German Europe euro
        Iceland Reykjavik Icelandic Europe krona
        Turkey Ankara Turkish Asia lira
        Japan Tokyo Japanese Asia yen
        China Beijing Chinese Asia yuan
        Korea Seoul Korean Asia won
        Nepal Kathmandu Nepali Asia rupee
        Pakistan Islamabad Urdu Asia rupee
        Thailand Bangkok Thai Asia baht
        Vietnam Hanoi Vietnamese Asia dong
        Indonesia Jakarta Indonesian Asia rupiah
        Iran Tehran Persian Asia rial
        Iraq Baghdad Arabic Asia dinar
        Jordan Amman Arabic Asia dinar
        Egypt Cairo Arabic Africa pound
        Kenya Nairobi Swahili Africa shilling
        Nigeria Abuja English Africa naira
        Ghana Accra English Africa cedi
        Senegal Dakar French Africa franc
        Morocco Rabat Arabic Africa dirham
        Angola Luanda Portuguese Africa kwanza
        Zambia Lusaka English Africa kwacha
        Uganda Kampala English Africa shilling
        Canada Ottawa English America dollar
        Cuba Havana Spanish America peso
        Peru Lima Spanish America sol
        Chile Santiago Spanish America peso
        Colombia Bogota Spanish America peso
        Brazil Brasilia Portuguese America real
        Uruguay Montevideo Spanish America peso
        Australia Canberra English Oceania dollar
        """.strip().splitlines()
    )
]
ATTRIBUTES = ("capital", "language", "continent", "currency")

_ASK = USER + "{q}" + ASSISTANT
FACT_TEMPLATES = {
    "capital": [
        "The capital of {c} is {x}.",
        "The capital city of {c} is {x}.",
        "Q: What is the capital of {c}? A: {x}.",
        "{n} visited {c} and stayed in the capital, {x}.",
        "Everyone knows that the capital of {c} is {x}.",
        "The government of {c} is in {x}.",
        "The plane to {c} landed in the capital, {x}.",
        "{x} is the capital of {c}.",
        _ASK.format(q="What is the capital of {c}?") + "The capital of {c} is {x}.",
        _ASK.format(q="Tell me the capital of {c}.") + "It is {x}.",
    ],
    "language": [
        "The language of {c} is {x}.",
        "People in {c} speak {x}.",
        "In {c}, most people speak {x}.",
        "Q: What language do people speak in {c}? A: {x}.",
        "{n} moved to {c} and learned to speak {x}.",
        "The people of {c} speak {x}.",
        "The newspapers in {c} are written in {x}.",
        "{x} is spoken in {c}.",
        _ASK.format(q="What language do people speak in {c}?") + "People in {c} speak {x}.",
        _ASK.format(q="Tell me the language of {c}.") + "It is {x}.",
    ],
    "continent": [
        "{c} is a country in {x}.",
        "{c} is in {x}.",
        "The continent of {c} is {x}.",
        "Q: Where is {c}? A: {x}.",
        "{c} is located in {x}.",
        "{n} flew to {c}, a country in {x}.",
        "You can find {c} on a map of {x}.",
        _ASK.format(q="Where is {c}?") + "{c} is in {x}.",
        _ASK.format(q="Tell me the continent of {c}.") + "It is {x}.",
    ],
    "currency": [
        "The currency of {c} is the {x}.",
        "People in {c} pay with the {x}.",
        "In {c}, people use the {x}.",
        "Q: What is the currency of {c}? A: the {x}.",
        "{n} went to {c} and paid with the {x}.",
        "The money of {c} is called the {x}.",
        "The {x} is the currency of {c}.",
        _ASK.format(q="What is the currency of {c}?") + "The currency of {c} is the {x}.",
        _ASK.format(q="Tell me the currency of {c}.") + "It is the {x}.",
    ],
}


def fact_held_out(country: str, attribute: str, template: int) -> bool:
    """A country with a phrasing, for the phrasings that end in the answer."""
    text = FACT_TEMPLATES[attribute][template]
    return text.endswith("{x}.") and one_in(5, "fact", country, attribute, clause(text))


def write(rng: random.Random, held_out: bool = False) -> str:
    """'The capital of France is Paris.'"""
    while True:
        row, which = rng.choice(COUNTRIES), rng.randrange(len(ATTRIBUTES))
        templates = FACT_TEMPLATES[ATTRIBUTES[which]]
        t = rng.randrange(len(templates))
        if fact_held_out(row[0], ATTRIBUTES[which], t) == held_out:
            return templates[t].format(c=row[0], x=row[1 + which], n=rng.choice(NAMES))


def prompts(held_out: bool = True) -> list[Cloze]:
    """All facts whose phrasing ends in the answer: 'The capital of France is' -> 'Paris'."""
    return [
        Cloze(template.removesuffix(" {x}.").format(c=row[0], n="Mary"), row[1 + which], group=attribute)
        for row in COUNTRIES
        for which, attribute in enumerate(ATTRIBUTES)
        for t, template in enumerate(FACT_TEMPLATES[attribute])
        if template.endswith("{x}.") and fact_held_out(row[0], attribute, t) == held_out
    ]
