import torch

from tutorial_lib import add_hooks
from tutorial_lib.exercises.notes import as_pairs, form_of, hooks_on

WAYS = ("with a cache", "without a cache", "in two parts")


def observe(answer, case):
    model, ids = case.model, case.ids(batch=2, seq=7)
    positions = [0, *case.positions(7)]
    seen = {}
    for way in WAYS:
        returned = answer(model, case.layer, 5 * case.direction(), list(positions))
        pairs, seen["form"] = as_pairs(returned), form_of(returned)
        seen["are pairs"], seen["hooks at once"] = pairs is not None, hooks_on(model)
        if not seen["are pairs"] or seen["hooks at once"]:
            return seen
        with add_hooks(pairs, with_kwargs=True), torch.no_grad():
            settings = {"use_cache": way != "without a cache"}
            if way == "in two parts":
                settings["past_key_values"] = model(ids[:, :3], use_cache=True).past_key_values
            out = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                max_new_tokens=4,
                min_new_tokens=4,
                pad_token_id=0,
                output_logits=True,
                return_dict_in_generate=True,
                **settings,
            )
        seen[way] = {"ids": out.sequences, "logits": torch.stack(out.logits, dim=1)}
    return seen
