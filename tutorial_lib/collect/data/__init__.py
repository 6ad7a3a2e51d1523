"""From a data set to batches: records, chunks, padding, positions."""
