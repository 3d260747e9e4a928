"""What the page says of pictures, results and verdicts, as HTML."""

from __future__ import annotations

from html import escape

import numpy as np

from engine.verdict import Verdict
from utils.image_headers import ImageHeader

_KINDS = {1: "gray", 3: "colour", 4: "colour with transparency"}


def facts_text(header: ImageHeader, name: str) -> str:
    """A picture's name, size and kind; browsers do not show TIFF."""
    channels = 4 if header.alpha else 1 if header.gray else 3
    form = _form((*header.upright, channels), header.bits)
    unseen = " &middot; a TIFF, which browsers do not show" if header.kind == "TIFF" else ""
    return f"<p><b>{escape(name)}</b> &middot; {form}{unseen}</p>"


def error_text(message: str) -> str:
    """Why a picture cannot be used."""
    return f'<p class="wrong" role="alert">{escape(message)}</p>'


def note_text(image: np.ndarray, seconds: float) -> str:
    """What the result is, and how long it took."""
    return f"<p>{_form(image.shape, image.itemsize * 8)} &middot; {seconds:.1f} s</p>"


def verdict_text(verdict: Verdict) -> str:
    """Whether a picture is pixelated, with the probability, and how large its blocks are."""
    percent = f"{100 * verdict.probability:.0f}"
    blocks = f", in blocks of about {verdict.block:g} pixels" if verdict.block else ""
    return (
        f'<div class="verdict {escape(verdict.verdict)}" role="status">'
        f"<b>{escape(verdict.verdict.capitalize())}</b>{blocks}"
        f'<span class="probability">probability of pixelation {percent} %</span>'
        f'<span class="bar"><span style="width:{percent}%"></span></span></div>'
    )


def _form(shape: tuple[int, ...], bits: int) -> str:
    height, width, channels = shape
    return f"{width} &times; {height} &middot; {bits} bit &middot; {_KINDS[channels]}"
