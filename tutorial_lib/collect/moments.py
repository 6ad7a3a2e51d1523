"""Mean, covariance and norms of rows that are seen once and not kept."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class StreamStatistics:
    """What is known of many rows of a stream.

    Attributes:
        count: of the rows.
        mean: `[d_model]`, float64.
        covariance: `[d_model, d_model]`, float64; divided by count - 1.
        norm_mean, norm_std, norm_min, norm_max: of the Euclidean norms of the rows.
    """

    count: int
    mean: Tensor
    covariance: Tensor
    norm_mean: float
    norm_std: float
    norm_min: float
    norm_max: float

    @property
    def std(self) -> Tensor:
        """`[d_model]`: the standard deviation of each coordinate."""
        return self.covariance.diagonal().sqrt()


class Moments:
    """Sums that statistics are made from, over any number of rows.

    Means and products are merged by the formula of Chan, Golub and LeVeque (1979), so that nothing large is
    subtracted from something as large. Kept in float64 on the host.
    """

    def __init__(self, d_model: int) -> None:
        # Norms are one more coordinate: their mean and variance come for free.
        self.count = 0
        self.mean = torch.zeros(d_model + 1, dtype=torch.float64)
        self.products = torch.zeros(d_model + 1, d_model + 1, dtype=torch.float64)
        self.smallest = torch.tensor(torch.inf, dtype=torch.float64)
        self.largest = torch.tensor(-torch.inf, dtype=torch.float64)

    def add(self, rows: Tensor) -> None:
        """Args: rows: `[n, d_model]`, on any device."""
        if len(rows) == 0:
            return
        # Float64 is slow on many GPUs, and missing on some; of rows less their mean float32 loses little.
        wide = rows.to(torch.float64 if rows.device.type == "cpu" else torch.float32)
        norms = wide.norm(dim=1, keepdim=True)
        wide = torch.cat([wide, norms], dim=1)
        mean = wide.mean(0)
        centred = wide - mean
        other = Moments(rows.shape[1])
        other.count = len(rows)
        other.mean = mean.cpu().double()
        other.products = (centred.T @ centred).cpu().double()
        other.smallest, other.largest = norms.min().cpu().double(), norms.max().cpu().double()
        self.merge(other)

    def merge(self, other: "Moments") -> None:
        """Takes in what another has seen."""
        if other.count == 0:
            return
        total = self.count + other.count
        apart = other.mean - self.mean
        self.products += other.products + torch.outer(apart, apart) * (self.count * other.count / total)
        self.mean += apart * (other.count / total)
        self.count = total
        self.smallest = torch.minimum(self.smallest, other.smallest)
        self.largest = torch.maximum(self.largest, other.largest)

    def statistics(self) -> StreamStatistics:
        """What it comes to so far. Of fewer than two rows the covariance is NaN."""
        covariance = self.products / (self.count - 1 if self.count > 1 else torch.nan)
        return StreamStatistics(
            count=self.count,
            mean=self.mean[:-1].clone(),
            covariance=covariance[:-1, :-1].clone(),
            norm_mean=float(self.mean[-1]),
            norm_std=float(covariance[-1, -1].sqrt()),
            norm_min=float(self.smallest),
            norm_max=float(self.largest),
        )

    def tensors(self, name: str) -> dict[str, Tensor]:
        """All of it as tensors, to be saved."""
        return {
            f"{name}.count": torch.tensor(self.count),
            f"{name}.mean": self.mean,
            f"{name}.products": self.products,
            f"{name}.smallest": self.smallest,
            f"{name}.largest": self.largest,
        }

    @classmethod
    def of_tensors(cls, tensors: dict[str, Tensor], name: str) -> "Moments":
        """What `tensors` gave."""
        found = cls(len(tensors[f"{name}.mean"]) - 1)
        found.count = int(tensors[f"{name}.count"])
        for part in ("mean", "products", "smallest", "largest"):
            setattr(found, part, tensors[f"{name}.{part}"].clone())
        return found
