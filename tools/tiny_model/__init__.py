"""Make the model in the box: train it, measure it, write its card."""
