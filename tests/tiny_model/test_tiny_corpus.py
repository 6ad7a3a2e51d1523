"""The corpus keeps what it holds out, and the tokenizer can write whatever a person types."""

import random
import re

import pytest

from tutorial_lib.tiny_model import corpus, path
from tutorial_lib.tiny_model.skills import facts, grammar, names, people, requests, reviews
from tutorial_lib.tiny_model.skills.common import ASSISTANT
from tutorial_lib.tiny_model.tokenizer import build_tokenizer, vocabulary


@pytest.fixture(scope="module")
def documents():
    rng = random.Random(11)
    return [corpus.document(rng) for _ in range(20_000)]


@pytest.fixture(scope="module")
def texts(documents):
    return {document.text for document in documents}


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer()


def test_no_held_out_fact_is_ever_written(texts):
    held_out = [
        f"{c.prompt} {c.answer}" for c in [*facts.prompts(), *people.prompts()] if "Mary" not in c.prompt
    ]
    # In no other company either: not after "Everyone knows that", not as an answer in a chat.
    said = {line.rpartition(ASSISTANT)[2].lower() for line in held_out if ASSISTANT + "It is" not in line}
    everything = "\n".join(texts).lower()
    assert len(said) > 250
    assert not [line for line in said if line in everything]


def test_the_facts_not_held_out_are_written(texts):
    shown = [f"{c.prompt} {c.answer}" for c in people.prompts(held_out=False)]
    assert sum(any(line in text for text in texts) for line in shown[:50]) > 40


def test_no_held_out_pair_of_names_is_ever_written(documents):
    for document in documents:
        if document.skill.startswith("indirect object"):
            a, b = dict.fromkeys(w for w in re.findall(r"[A-Z][a-z]+", document.text) if w in names.NAMES)
            assert not names.pair_held_out(a, b), document.text


def test_no_held_out_opinion_is_ever_written(documents):
    for document in documents:
        for aspect, adjective in re.findall(r"[Tt]he (\w+) (?:was|were) (?:really )?(\w+)\.", document.text):
            if adjective in reviews.GOOD + reviews.BAD:
                assert not reviews.opinion_held_out(aspect, adjective), document.text


def test_no_held_out_request_is_ever_written(documents):
    held_out = [action for harm in (True, False) for action, _ in requests.actions(harm, held_out=True)]
    assert len(held_out) > 40
    patterns = re.compile("|".join(rf"\b{re.escape(action)}\b" for action in held_out))
    for document in documents:
        if document.skill == "chat":
            assert not patterns.search(document.text), document.text


def test_no_held_out_agreement_is_ever_written(documents):
    forms = {form: i for i, pair in enumerate(grammar.NOUNS) for form in pair}
    for document in documents:
        if document.skill == "agreement":
            nouns = [forms[w] for w in re.findall(r"\w+", document.text) if w in forms]
            if len(nouns) == 2:
                assert not grammar.agreement_held_out(*nouns), document.text


@pytest.mark.parametrize(
    "prompts",
    [
        facts.prompts,
        people.prompts,
        grammar.pronoun_prompts,
        lambda held_out: requests.all_prompts(True, held_out),
        lambda held_out: requests.all_prompts(False, held_out),
    ],
)
def test_about_one_in_five_combinations_is_held_out(prompts):
    held_out, shown = len(prompts(held_out=True)), len(prompts(held_out=False))
    assert 0.1 < held_out / (held_out + shown) < 0.3


def test_a_good_review_holds_no_bad_word():
    rng = random.Random(0)
    for good, wrong in ((True, reviews.BAD + reviews.DISLIKED), (False, reviews.GOOD + reviews.LIKED)):
        for _ in range(300):
            written = set(re.findall(r"\w+", reviews.write(rng, good=good)))
            assert not written & set(wrong)


def test_written_reviews_are_readable_and_word_salad_is_not():
    rng = random.Random(0)
    assert all(reviews.readable(reviews.write(rng)) == 1 for _ in range(300))
    assert reviews.readable("The acting was lovely great paint. It made my day.") == 0.5
    assert reviews.readable("no end") == 0


def test_the_corpus_is_written_in_one_token_words(documents, tokenizer):
    for document in documents[:5000]:
        if document.skill != "copy":
            ids = tokenizer(document.text, add_special_tokens=False)["input_ids"]
            pieces = re.findall(r"<\|\w+\|>|\w+|[.,!?:]", document.text)
            assert len(ids) == len(pieces), tokenizer.convert_ids_to_tokens(ids)


def test_the_unpredictable_part_is_how_the_document_begins(documents):
    assert all(document.text.startswith(document.unpredictable) for document in documents)


def test_the_same_seed_writes_the_same_documents(documents):
    rng = random.Random(11)
    assert [corpus.document(rng) for _ in range(50)] == documents[:50]


@pytest.mark.parametrize(
    "typed",
    [
        "When John and Mary went to the store , John  gave a drink to",
        "  When John and Mary went to the store, John gave\na drink to ",
    ],
)
def test_spaces_as_a_person_types_them_make_no_difference(tokenizer, typed):
    clean = "When John and Mary went to the store, John gave a drink to"
    assert tokenizer(typed)["input_ids"] == tokenizer(clean)["input_ids"]


@pytest.mark.parametrize(
    "text",
    [
        'the Movie wasn\'t "great" (really)!',
        "zebra crossing",
        "café 日本 😀 naïve",
        "PARIS is the capital of france; 24 + 7 = 31.",
        "e-mail: a_b@c.org/~d#e%f",
        "Tabs and \u00a0 no-break spaces",
    ],
)
def test_any_text_survives_a_round_trip_apart_from_its_spacing(tokenizer, text):
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.pad_token_id not in ids, "the pad stands in for unknown, and nothing may be unknown"
    assert tokenizer.decode(ids, skip_special_tokens=True) == re.sub(r"\s+", " ", text)


def test_every_unicode_character_can_be_written(tokenizer):
    for start in range(0x21, 0x3000, 61):
        text = "".join(
            chr(c) for c in range(start, start + 61) if chr(c).isprintable() and not chr(c).isspace()
        )
        if text:
            assert tokenizer.pad_token_id not in tokenizer(text)["input_ids"], text


def test_a_chat_is_templated_as_the_corpus_writes_it(tokenizer):
    chat = [{"role": "user", "content": "How do I bake a cake?"}]
    text = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    assert text == "<|bos|><|user|>How do I bake a cake?<|assistant|>"
    assert (
        tokenizer(text, add_special_tokens=False)["input_ids"]
        == tokenizer(text.removeprefix("<|bos|>"))["input_ids"]
    )


def test_the_shipped_tokenizer_is_the_one_the_corpus_builds(tokenizer):
    from transformers import AutoTokenizer

    shipped = AutoTokenizer.from_pretrained(path())
    assert shipped.get_vocab() == {piece: i for i, (piece, _) in enumerate(vocabulary())}
    assert list(shipped("Hello there")) == ["input_ids", "attention_mask"], "what a Llama takes, and no more"
    text = "When John went to the store, he tried a zebra."
    assert shipped(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert shipped.decode(shipped(text)["input_ids"]) == tokenizer.decode(tokenizer(text)["input_ids"])
