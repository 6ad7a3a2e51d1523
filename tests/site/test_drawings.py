"""The site's drawings are current, readable in both themes, and true of the model in the box."""

import re
import xml.etree.ElementTree as ET

import pytest
import torch

from tests import ROOT
from tools.pictures import drawings, drawn_positions
from tools.pictures.drawing import COLOURS
from tutorial_lib import add_hooks, add_vector_to_residual_stream, cache_residual_streams, find_blocks

SVG = "{http://www.w3.org/2000/svg}"
IMAGE = re.compile(r"!\[(?P<alt>[^\]]*)\]\([./]*assets/(?P<name>[\w-]+)\.svg\)")


def words(tokenizer, ids):
    """Tokens as a drawing writes them."""
    return [tokenizer.decode(each).strip().strip("<|>") for each in ids]


def luminance(colour):
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_committed_drawings_are_current(capsys):
    assert drawings.main(["--check"]) == 0, capsys.readouterr().out


def test_a_stale_drawing_and_one_that_nothing_draws_are_named_and_mended(tmp_path, capsys):
    arguments = ["--docs", str(tmp_path)]
    assert drawings.main(arguments) == 0
    (tmp_path / "assets/home.svg").write_text("<svg/>")
    (tmp_path / "assets/old.svg").write_text("<svg/>")
    capsys.readouterr()
    assert drawings.main([*arguments, "--check"]) == 1
    printed = capsys.readouterr().out
    assert "home.svg" in printed
    assert "old.svg is drawn by nothing" in printed
    assert drawings.main(arguments) == 0
    assert drawings.main([*arguments, "--check"]) == 0


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_has_a_contrast_of_at_least_4_5_and_lines_of_3_in_both_themes(theme):
    colour = {name: pair[theme] for name, pair in COLOURS.items()}
    grounds = ("card", "frame", "module", "second", "touched", "edited")
    low = [(text, on) for text in ("ink",) for on in grounds if contrast(colour[text], colour[on]) < 4.5]
    for text in ("soft", "hook"):
        low += [(text, on) for on in ("card", "frame") if contrast(colour[text], colour[on]) < 4.5]
    for line in ("line", "stream", "hook"):
        low += [(line, on) for on in ("card", "frame") if contrast(colour[line], colour[on]) < 3]
    assert low == []


@pytest.mark.parametrize("name", drawings.DRAWINGS)
def test_a_drawing_has_a_title_text_that_is_text_and_nothing_from_elsewhere(name):
    text = (ROOT / "docs" / "assets" / f"{name}.svg").read_text(encoding="utf-8")
    tree = ET.fromstring(text)
    assert tree[0].tag == SVG + "title"
    assert tree[0].text
    assert list(tree.iter(SVG + "text"))
    assert "prefers-color-scheme: dark" in text
    assert "href" not in text
    assert "url(" not in text


def test_every_drawing_is_on_a_page_with_a_text_that_says_what_it_says():
    pages = [path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md")]
    images = [match for page in pages for match in IMAGE.finditer(page)]
    assert {match["name"] for match in images} == set(drawings.DRAWINGS)
    assert [match["name"] for match in images if len(match["alt"]) < 80] == []


def test_an_edit_is_felt_where_the_drawing_says_and_nowhere_else(box):
    model, tokenizer = box
    inputs = tokenizer("The capital of France is", return_tensors="pt")
    assert words(tokenizer, inputs["input_ids"][0]) == list(drawn_positions.TOKENS)
    layer, position = drawn_positions.EDITED
    vector = torch.ones(model.config.hidden_size)
    plain, _ = cache_residual_streams(model, **inputs, after_last_block=True)
    with add_hooks(add_vector_to_residual_stream(model, layer, vector, [position])):
        edited, _ = cache_residual_streams(model, **inputs, after_last_block=True)
    for at, name in enumerate(plain):
        changed = (plain[name] != edited[name]).any(-1)[0].tolist()
        drawn = [drawn_positions.touched(at, each) != "empty" for each in range(len(drawn_positions.TOKENS))]
        assert changed == drawn, name


def test_the_padded_batch_is_the_one_of_the_page(box):
    _, tokenizer = box
    texts = ["The capital of France is", "In Peru, most people speak"]
    rows = tokenizer(texts, return_tensors="pt", padding=True)["input_ids"]
    assert [words(tokenizer, row) for row in rows] == [list(row) for row in drawn_positions.PADDED]
    edited = [row[at] for row, at in zip(drawn_positions.PADDED, drawn_positions.COUNTRIES, strict=True)]
    assert edited == ["France", "Peru"]


@pytest.mark.parametrize("cached", [True, False])
def test_each_call_of_generate_brings_the_tokens_that_the_drawing_shows(box, cached):
    model, tokenizer = box
    inputs = tokenizer("The acting was", return_tensors="pt")
    lengths = []

    def note(module, args):
        lengths.append(args[0].shape[1])

    with add_hooks([(find_blocks(model)[0], note)]):
        out = model.generate(**inputs, max_new_tokens=3, do_sample=False, use_cache=cached)
    drawn = [*drawn_positions.PROMPT, *drawn_positions.NEW]
    assert words(tokenizer, out[0])[: len(drawn)] == drawn
    assert lengths == [len(drawn[drawn_positions.seen_by(call, cached)]) for call in range(3)]
