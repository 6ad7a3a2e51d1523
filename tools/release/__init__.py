"""Try what is about to be released."""
