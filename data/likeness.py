"""Which pictures show the same, though their bytes differ.

Rescaled, recompressed, mirrored, turned, exposed otherwise, and cropped by up to about a tenth at
each edge: what becomes of a picture when one data set is made from another. Set5's "woman", for
one, is BSDS500's 302003, 0.72 times as large.

Small thumbnails find candidates by one matrix product; larger ones are laid over each other by
the enhanced correlation coefficient (Evangelidis and Psarakis, "Parametric Image Alignment Using
Enhanced Correlation Coefficient Maximization", TPAMI 2008), which bears a crop. Both without what
is smooth, because skies and portraits are all alike from afar.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np

from data.thumbnails import SIDE

# Measured on 40 BSDS500 pictures (area-scaled by 0.72, mirrored, JPEG quality 60, up to 10 % cut
# off each edge) against the 119 of Set5, Set14 and BSD100: copies correlate by 0.94 and more once
# they are aligned, the most alike of other pictures by 0.62. Of the normal pictures of LOL and
# SICE, scenes that were taken twice correlate by 0.98 and more, any others by 0.73 at most.
_ALIKE = 0.85
_COARSE = 16  # pixels of the thumbnails that find candidates
_LIKELY = 0.3  # correlation of a candidate
_CANDIDATES = 5  # of a picture; true ones came first or second
_SMOOTH = 1 / 8  # standard deviation, in thumbnail sides, of what counts as smooth
_FEATURELESS = 1.0  # gray levels of 255, root mean square; blank paper is alike everywhere
_STEPS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-3)


class Gallery:
    """Pictures among which the likes of another are looked for.

    Args:
        thumbnails: (48, 48) float32 gray, by file; those without any detail are like nothing.
    """

    def __init__(self, thumbnails: Mapping[Path, np.ndarray]) -> None:
        detailed = {file: one for file, one in thumbnails.items() if _has_details(one)}
        self._files = list(detailed)
        self._fine = [_details_of(one, SIDE) for one in detailed.values()]
        coarse = [_unit(_details_of(one, _COARSE)).ravel() for one in detailed.values()]
        self._coarse = np.stack(coarse) if coarse else np.empty((0, _COARSE**2), np.float32)

    def likes_of(self, thumbnail: np.ndarray) -> Iterator[tuple[Path, float]]:
        """The files that show the same as `thumbnail`, and how the two correlate once aligned.

        Of the few that seem most alike from afar; the picture itself is one where it hangs here.
        """
        if not _has_details(thumbnail):
            return
        views = list(_views(_unit(_details_of(thumbnail, _COARSE))))
        likeness = np.stack([view.ravel() for view in views]) @ self._coarse.T
        turned = list(_views(_details_of(thumbnail, SIDE)))
        for candidate in np.argsort(-likeness.max(axis=0))[:_CANDIDATES]:
            view = int(likeness[:, candidate].argmax())
            if likeness[view, candidate] < _LIKELY:
                return
            correlation = _aligned(self._fine[candidate], turned[view])
            if correlation > _ALIKE:
                yield self._files[candidate], correlation


def _has_details(thumbnail: np.ndarray) -> bool:
    return float(np.sqrt(np.mean(_details_of(thumbnail, _COARSE) ** 2))) >= _FEATURELESS


def _details_of(thumbnail: np.ndarray, side: int) -> np.ndarray:
    """What is left of a thumbnail of `side` pixels without what is smooth; of mean zero."""
    small = cv2.resize(thumbnail, (side, side), interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(small, (0, 0), side * _SMOOTH, borderType=cv2.BORDER_REFLECT)
    details = small - smooth
    return details - details.mean()


def _unit(details: np.ndarray) -> np.ndarray:
    return details / np.linalg.norm(details)


def _views(picture: np.ndarray) -> Iterator[np.ndarray]:
    """The eight ways a square can lie: turned by quarters, as it is and mirrored."""
    for mirrored in (picture, picture[:, ::-1]):
        for quarters in range(4):
            yield np.ascontiguousarray(np.rot90(mirrored, quarters))


def _aligned(first: np.ndarray, second: np.ndarray) -> float:
    """The correlation of two pictures, once the second lies over the first; -1 where it cannot."""
    start = np.eye(2, 3, dtype=np.float32)
    try:
        correlation, _ = cv2.findTransformECC(
            first, second, start, cv2.MOTION_AFFINE, _STEPS, None, 1
        )
    except cv2.error:  # nothing to align: the way that OpenCV says "did not converge"
        return -1.0
    return float(correlation)
