"""The tokenizer of the model in the box: one token a word, and nothing that cannot be written.

A word of the corpus is one token, which makes positions easy to read on a page. Everything else falls apart
into characters, and characters outside ASCII into bytes as in Llama's tokenizer, so no text has an unknown
token and every text survives a round trip, apart from its spacing: white space is collapsed, and a space
before a full stop or a comma is dropped, as if it had been typed without.
"""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import TYPE_CHECKING

from tutorial_lib.tiny_model.corpus import words
from tutorial_lib.tiny_model.skills.common import ASSISTANT, BOS, END, USER

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD = "<|pad|>"
SPECIAL = [BOS, END, USER, ASSISTANT, PAD]
SPACE = "\u2581"  # a word's token carries the space before it, as in SentencePiece
# Unigram picks the split with the highest sum of scores: one word beats any number of characters.
WORD_SCORE, CHARACTER_SCORE, BYTE_SCORE = -1.0, -10.0, -20.0

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}<|assistant|>{{ message['content'] }}<|end|>"
    "{% else %}<|user|>{{ message['content'] }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def vocabulary() -> list[tuple[str, float]]:
    """(piece, score) in the order of the ids: marks, words, characters, bytes."""
    characters = string.ascii_letters + string.digits + string.punctuation
    return (
        [(mark, 0.0) for mark in SPECIAL]
        + [(SPACE + word, WORD_SCORE) for word in words()]
        + [(SPACE, CHARACTER_SCORE)]
        + [(character, CHARACTER_SCORE) for character in characters]
        + [(f"<0x{byte:02X}>", BYTE_SCORE) for byte in range(256) if chr(byte) not in characters]
    )


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Make the tokenizer from the corpus's words; the same words give the same ids."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = vocabulary()
    # `unk_id` is asked for and never used: every character has a piece or falls back to bytes.
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=SPECIAL.index(PAD), byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Strip(),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Replace(Regex(r" (?=[.,!?:;])"), ""),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(SPACE, prepend_scheme="always"),
            pre_tokenizers.Split(Regex(r"[^\p{L}\p{N}" + SPACE + "]"), "isolated"),
        ]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=None, special_tokens=[(BOS, SPECIAL.index(BOS))]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[USER, ASSISTANT],
        clean_up_tokenization_spaces=False,
        padding_side="left",
        model_max_length=256,
        model_input_names=[
            "input_ids",
            "attention_mask",
        ],  # 4.57 would add token_type_ids, which Llama refuses
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    """Save the tokenizer under the class name that both transformers 4.57 and 5 know."""
    tokenizer.save_pretrained(out)
    file = out / "tokenizer_config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    marks = config.pop("extra_special_tokens", None)  # a list in 5.x, which 4.57 cannot read
    if isinstance(marks, list):
        config["additional_special_tokens"] = marks
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    config["model_input_names"] = tokenizer.model_input_names
    for machine_specific in ("backend", "is_local", "local_files_only"):
        config.pop(machine_specific, None)
    file.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
