"""Check an answer to an exercise: run it on its cases, judge what was seen, report."""
