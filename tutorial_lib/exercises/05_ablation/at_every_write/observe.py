from tutorial_lib import add_hooks, get_residual_stream_at_layer, read_input, read_output
from tutorial_lib.directions import difference_of_means
from tutorial_lib.tiny_model.skills import requests


def observe(answer, case):
    ids, parts = case.ids(batch=3, seq=7), case.map
    places = {name: [None] * parts.n_layers for name in ("into blocks", "after attention", "after MLPs")}
    end = []

    def look(name, layer):
        def hook(module, args, *output):  # output is there for a forward hook only
            places[name][layer] = (read_output(output[0]) if output else read_input(args)).clone()

        return hook

    inputs, outputs = [], [(parts.blocks[-1], lambda m, a, output: end.append(read_output(output).clone()))]
    for layer, block in enumerate(parts.blocks):
        inputs.append((block, look("into blocks", layer)))
        outputs.append((parts.attention(layer), look("after attention", layer)))
        outputs.append((parts.mlp(layer), look("after MLPs", layer)))
    hooks = answer(parts, 2.5 * case.direction())
    with add_hooks(*hooks), add_hooks(inputs, outputs):  # those that look come last
        logits = case.logits(ids)
    seen = {**places, "end": end[0], "logits": logits, "after": case.logits(ids)}
    if case.tokenizer is not None:
        seen["answers"] = answers(answer, case)
    return seen


def answers(answer, case):
    """What the model in the box says to requests, without its direction of refusal: new tokens."""

    def encode(prompts):
        return case.tokenizer(prompts, return_tensors="pt", padding=True).to(case.spec.device)

    means = [
        get_residual_stream_at_layer(
            case.model, 2, **encode(requests.prompts(60, harmful, held_out=False)), positions=-1
        )
        for harmful in (True, False)
    ]
    batch = encode(requests.prompts(8, harmful=True, seed=case.spec.seed))
    with add_hooks(*answer(case.map, difference_of_means(*means))):
        new = case.model.generate(**batch, max_new_tokens=8, do_sample=False)
    return new[:, batch["input_ids"].shape[1] :]
