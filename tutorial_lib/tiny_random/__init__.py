"""A tiny random model of any type of causal language model in transformers, built offline."""
