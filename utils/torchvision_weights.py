"""Torchvision's ImageNet weights, from its cache or by download."""

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout

import torch
from torch import Tensor

from utils.downloads import network_patience
from utils.errors import PellucidError
from utils.torchvision_compat import import_torchvision


class AbsentWeightsError(PellucidError):
    """Weights are neither in torchvision's cache nor to be downloaded."""


def fetch_weights(name: str, advice: str) -> Mapping[str, Tensor]:
    """The state dict of a torchvision model's weights IMAGENET1K_V1.

    Args:
        name: the model, as torchvision calls it ("vgg16").
        advice: what to do where they cannot be had: the second line of the error.

    Raises:
        AbsentWeightsError: they cannot be had.
    """
    import_torchvision()
    from torchvision.models import get_model_weights

    url = get_model_weights(name)["IMAGENET1K_V1"].url
    try:
        # What PyTorch says of a download is not the caller's output.
        with network_patience(), redirect_stdout(sys.stderr):
            return torch.hub.load_state_dict_from_url(
                url, map_location="cpu", check_hash=True, weights_only=True
            )
    except (OSError, RuntimeError) as error:  # no route, a cut, or another file than expected
        reason = str(getattr(error, "reason", error)).partition("\n")[0]
        raise AbsentWeightsError(
            f"torchvision's {name} weights are not at hand ({reason}).\n{advice}"
        ) from error
