"""What looking into a model costs, with this library, by hand and with others: `python benchmarks/run.py`."""
