"""NAFNet: a U-shape of blocks without nonlinear activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from layers.naf import NAFBody
from modeling.checkpoint_layouts import count_parts
from modeling.descriptor import Descriptor
from modeling.registries import ARCHITECTURES


@ARCHITECTURES.register
class NAFNet(NAFBody):
    """Nonlinear activation free network: estimates what to add to a picture to restore it.

    Chen et al., "Simple Baselines for Image Restoration", ECCV 2022. The defaults are the paper's
    NAFNet of width 32 for deblurring (17,111,907 parameters, 16 GMAC at 256x256); `width: 64` is
    its larger one (67,888,835), `enc_blk_nums: [2, 2, 4, 8], middle_blk_num: 12,
    dec_blk_nums: [2, 2, 2, 2]` the one for denoising. Parameters are named as in the authors'
    checkpoints, which load.

    The channel attention averages over the whole picture: over a patch in training, over far more
    in use, which costs whoever trains on small patches some of the score (Chu et al., "Improving
    Image Restoration by Revisiting Global Information Aggregation", ECCV 2022, whose remedy, local
    means in use, is part of the authors' figures for deblurring and not of this network). Train on
    patches as large as memory allows.

    `forward(x)`: (N, C, H, W) in [0, 1] -> the same shape, not clamped; any H and W.

    Args:
        img_channel: C, of input and output.
        width: channels at full resolution; each level down has twice as many.
        middle_blk_num: blocks at the lowest level.
        enc_blk_nums: blocks of each level on the way down, finest first.
        dec_blk_nums: blocks of each level on the way up, coarsest first.

    Raises:
        ValueError: the ways down and up have not equally many levels.
    """

    def __init__(
        self,
        img_channel: int = 3,
        width: int = 32,
        middle_blk_num: int = 1,
        enc_blk_nums: Sequence[int] = (1, 1, 1, 28),
        dec_blk_nums: Sequence[int] = (1, 1, 1, 1),
    ) -> None:
        super().__init__(
            img_channel, img_channel, width, middle_blk_num, enc_blk_nums, dec_blk_nums
        )
        self.descriptor = Descriptor(
            scale=1,
            channels=img_channel,
            size_multiple=self.multiple,
            receptive_field=self.receptive_field,
            global_context=True,
            # Products of unbounded features leave the range of fp16.
            precisions=("float32", "bf16"),
        )

    @classmethod
    def arguments_of(cls, state: Mapping[str, Tensor]) -> dict[str, Any] | None:
        """How to build the network of a checkpoint; None where it is of another architecture."""
        if not {"intro.weight", "ending.weight", "downs.0.weight"} <= state.keys():
            return None
        if not any(".sca.1." in name for name in state):
            return None  # the paper's baselines, which have activations
        levels = range(count_parts(state, "downs."))
        width, img_channel = state["intro.weight"].shape[:2]
        return {
            "img_channel": img_channel,
            "width": width,
            "middle_blk_num": count_parts(state, "middle_blks."),
            "enc_blk_nums": [count_parts(state, f"encoders.{level}.") for level in levels],
            "dec_blk_nums": [count_parts(state, f"decoders.{level}.") for level in levels],
        }

    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)
