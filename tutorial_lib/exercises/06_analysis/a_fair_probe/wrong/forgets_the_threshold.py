"""A fit without a mean and without a threshold: above 0 is one kind, below it the other."""

import torch


def fair_probe(train, train_labels, test, test_labels, order):
    def accuracy(labels):
        direction = fit(train.double(), labels.double())
        says = torch.where(test.double() @ direction > 0, 1.0, -1.0)
        return (says == test_labels).double().mean().item()

    return accuracy(train_labels), accuracy(train_labels[order])


def fit(rows, labels, penalty=0.1):
    """Ridge regression: a direction [d_model]."""
    x, y = rows, labels
    ridge = penalty * len(x) * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    return torch.linalg.solve(x.T @ x + ridge, x.T @ y)
