"""Differences of `hidden_states`, whose last entry is after the final norm."""

import torch


def contributions(model, input_ids):
    with torch.no_grad():
        states = model(input_ids, output_hidden_states=True).hidden_states
    return [after - before for before, after in zip(states, states[1:], strict=False)]
