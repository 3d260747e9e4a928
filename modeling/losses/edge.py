"""The edge loss: how neighbouring pixels differ, whatever is wrong all over the picture."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modeling.registries import LOSSES


@LOSSES.register
class Edge(nn.Module):
    """Charbonnier's loss between the Laplacians of both pictures.

    Zamir et al., "Multi-Stage Progressive Image Restoration", CVPR 2021, section 3, with the plain
    3x3 Laplacian of four neighbours. Beside a pixel loss that is dominated by errors of brightness
    it lets noise and blur be learnt. `forward(output, target)`: two (N, C, H, W), H and W at least
    3, -> scalar.

    Args:
        eps: below it, in units of the pictures' [0, 1], differences count squared.
    """

    def __init__(self, eps: float = 1e-3) -> None:
        super().__init__()
        self.eps = eps
        kernel = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])
        self.register_buffer("kernel", kernel.view(1, 1, 3, 3), persistent=False)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        difference = (output - target).flatten(0, 1).unsqueeze(1)
        edges = F.conv2d(difference, self.kernel.to(difference.dtype))
        return torch.sqrt(edges.square() + self.eps**2).mean()
