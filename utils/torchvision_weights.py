"""Torchvision's ImageNet weights, from its cache or by download."""

from collections.abc import Mapping

import torch
from torch import Tensor

from utils.downloads import network_patience
from utils.errors import PellucidError
from utils.torchvision_compat import import_torchvision


def fetch_weights(name: str, advice: str) -> Mapping[str, Tensor]:
    """The state dict of a torchvision model's weights IMAGENET1K_V1.

    Args:
        name: the model, as torchvision calls it ("vgg16").
        advice: what to do where they cannot be had: the second line of the error.

    Raises:
        PellucidError: they are neither in the cache nor to be downloaded.
    """
    import_torchvision()
    from torchvision.models import get_model_weights

    url = get_model_weights(name)["IMAGENET1K_V1"].url
    try:
        with network_patience():
            return torch.hub.load_state_dict_from_url(
                url, map_location="cpu", check_hash=True, weights_only=True
            )
    except (OSError, RuntimeError) as error:  # no route, a cut, or another file than expected
        reason = str(getattr(error, "reason", error)).partition("\n")[0]
        raise PellucidError(
            f"torchvision's {name} weights are not at hand ({reason}).\n{advice}"
        ) from error
