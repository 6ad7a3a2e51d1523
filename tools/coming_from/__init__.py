"""The same jobs in plain hooks, TransformerLens and nnsight, for the page "Coming from ..."."""
