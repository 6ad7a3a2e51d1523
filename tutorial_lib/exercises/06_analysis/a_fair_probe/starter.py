import torch


def fair_probe(train, train_labels, test, test_labels, order):
    """Accuracy on the test rows of a probe for the labels, and of one for shuffled labels."""
    raise NotImplementedError
