"""Luminance, which networks and metrics of gray pictures share."""

from torch import Tensor

# ITU-R BT.601, full range: what OpenCV and Pillow call gray.
_LUMA = (0.299, 0.587, 0.114)


def luminance(x: Tensor) -> Tensor:
    """BT.601 luma of an RGB picture (N, 3, H, W), as (N, 1, H, W); a gray one comes back as is."""
    if x.shape[1] == 1:
        return x
    return (x * x.new_tensor(_LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
