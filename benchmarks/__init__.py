"""What looking into a model costs, with this library, by hand and with others: `python -m benchmarks.run`."""
