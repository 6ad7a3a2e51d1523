"""The control is thought to be what the probe gets wrong."""

import torch


def fair_probe(train, train_labels, test, test_labels, order):
    def accuracy(labels):
        direction, threshold = fit(train.double(), labels.double())
        says = torch.where(test.double() @ direction > threshold, 1.0, -1.0)
        return (says == test_labels).double().mean().item()

    found = accuracy(train_labels)
    return found, 1 - found


def fit(rows, labels, penalty=0.1):
    """Ridge regression: a direction [d_model], and a threshold along it."""
    centre, middle = rows.mean(0), labels.mean()
    x, y = rows - centre, labels - middle
    ridge = penalty * len(x) * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    direction = torch.linalg.solve(x.T @ x + ridge, x.T @ y)
    return direction, centre @ direction - middle
