"""The peak signal-to-noise ratio as a loss."""

import torch
from torch import Tensor, nn

from modeling.registries import LOSSES


@LOSSES.register
class PSNRLoss(nn.Module):
    """The negative PSNR in dB of pictures in [0, 1], averaged over the batch; below zero in use.

    Chen et al., "HINet: Half Instance Normalization Network for Image Restoration", CVPRW 2021,
    where each picture counts by how far it has come, so those nearly right are still heeded.
    `forward(output, target)`: two tensors (N, C, H, W) of one shape -> scalar.

    Args:
        eps: added to the mean squared error, so that equal pictures give a finite loss (-80 dB).
    """

    def __init__(self, eps: float = 1e-8) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        error = (output - target).square().mean(dim=(1, 2, 3))
        return 10 * torch.log10(error + self.eps).mean()
