"""Where a model keeps its parts: what holds of any transformer of transformers, found by rules."""
