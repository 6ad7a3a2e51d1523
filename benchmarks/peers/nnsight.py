"""nnsight: the body of a `with` block is taken from its source and run along with the model."""

from typing import Any

import nnsight
import torch
from nnsight.modeling.transformers import TransformersModel
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from benchmarks.variant import Variant
from benchmarks.workload import NEW_TOKENS, VOCABULARY, Workload

LIBRARY = "nnsight"
MORE = (
    "Experiments written in the order of the computation, any operation inside of a module, edits of several "
    "prompts in one pass, remote models; it takes each `with` block's source and runs it beside the model."
)


def variants(job: Workload) -> list[Variant]:
    model = TransformersModel(job.own_model(), task="text-generation", tokenizer=_tokenizer())
    blocks, ids, layer, vector = model.model.layers, job.ids, job.layer, job.vector
    mask = torch.ones_like(job.prompt)

    def every_layer() -> Any:
        with model.trace(ids):
            streams = nnsight.save([block.input.clone() for block in blocks])
        return streams

    def stop() -> dict[int, Any]:
        with model.trace(ids) as tracer:
            stream = blocks[layer].input.clone().save()
            tracer.stop()
        return {layer: stream}

    def steer() -> Any:
        with model.trace(ids):
            blocks[layer].input = blocks[layer].input + vector
            logits = model.output.logits.save()
        return logits

    def steer_generation() -> Any:
        with model.generate(
            job.prompt, attention_mask=mask, max_new_tokens=NEW_TOKENS, do_sample=False
        ) as tracer:
            for _ in tracer.iter[:NEW_TOKENS]:
                blocks[layer].input = blocks[layer].input + vector
            generated = tracer.result.save()
        return generated

    return [
        Variant("nnsight, every layer", LIBRARY, "all", every_layer, lambda saved: dict(enumerate(saved))),
        Variant("nnsight, stop at half depth", LIBRARY, "half", stop),
        Variant("nnsight, steering", LIBRARY, "steer", steer),
        Variant("nnsight, steered generation", LIBRARY, "steer generation", steer_generation),
    ]


def _tokenizer() -> PreTrainedTokenizerFast:
    """nnsight will not do without one; it is given ids and has nothing to tokenize."""
    words = Tokenizer(models.WordLevel({str(number): number for number in range(VOCABULARY)}, unk_token="0"))
    return PreTrainedTokenizerFast(tokenizer_object=words, unk_token="0", pad_token="0", eos_token="1")
