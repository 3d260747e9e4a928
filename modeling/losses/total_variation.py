"""Total variation: what a smooth picture has little of."""

from torch import Tensor, nn

from modeling.registries import LOSSES


@LOSSES.register
class TotalVariation(nn.Module):
    """Mean absolute difference of neighbours, down and across, summed; a prior on the output alone.

    Rudin, Osher and Fatemi, "Nonlinear total variation based noise removal algorithms", Physica D
    1992, in its anisotropic form. `forward(output, target)`: (N, C, H, W), H and W at least 2 ->
    scalar; the target is not looked at.
    """

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return output.diff(dim=-2).abs().mean() + output.diff(dim=-1).abs().mean()
