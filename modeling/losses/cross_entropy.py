"""What classifiers minimise."""

from torch import Tensor, nn
from torch.nn import functional as F

from modeling.registries import LOSSES


@LOSSES.register
class CrossEntropy(nn.Module):
    """Mean negative log-likelihood of the right class, for classifiers.

    `forward(output, target)`: scores (N, K) before a softmax, labels (N) int64 -> scalar.

    Args:
        label_smoothing: share of the likelihood that goes to all classes alike (Szegedy et al.,
            "Rethinking the Inception Architecture", CVPR 2016, section 7).
    """

    learns_from = "label"

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__()
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing is {label_smoothing}; it must be in [0, 1)")
        self.label_smoothing = label_smoothing

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(output, target, label_smoothing=self.label_smoothing)
