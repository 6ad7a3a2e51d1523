"""Run a model on a few tokens and measure whether its map is true."""
