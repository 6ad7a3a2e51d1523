"""The skills of the model in the box, one file each, every one with combinations held out of training.

A skill writes documents (`write(rng, held_out=False)`) and asks for what it teaches (`prompts(...)`).
With `held_out=True` both use combinations that training never shows: a country with a phrasing, a pair of
names, an aspect with an adjective, a verb with an object. Each part of
such a combination was shown in other company.
"""
