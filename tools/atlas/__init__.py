"""The atlas: every type of causal language model in transformers, as a tiny random model, verified by value.

`shrink.py` builds the models, `sweep.py` runs them one by one, each in a process of its own, `store.py` keeps
what was found and `page.py` writes the page. `python -m tools.atlas --help` is the way in.
"""
