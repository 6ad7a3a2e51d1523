"""The atlas: every type of causal language model in transformers, as a tiny random model, verified by value.

`tutorial_lib/tiny_random/` builds the models, `sweep.py` runs them one by one, each in its own process,
`atlas_rows.py` keeps what was found and `atlas_page.py` writes the page. The way in is
`python -m tools.atlas --help`.
"""
