"""Make the generated parts of the reference from the source, and say what is stale."""
