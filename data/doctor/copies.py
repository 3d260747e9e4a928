"""Pictures that two splits have in common though their bytes differ.

Rescaled, recompressed, mirrored, turned, and cropped by up to about a tenth at each edge: what
becomes of a picture when one data set is made from another. Set5's "woman", for one, is BSDS500's
302003, 0.72 times as large.

Small thumbnails find candidates by one matrix product; larger ones are laid over each other by
the enhanced correlation coefficient (Evangelidis and Psarakis, "Parametric Image Alignment Using
Enhanced Correlation Coefficient Maximization", TPAMI 2008), which bears a crop. Both without what
is smooth, because skies and portraits are all alike from afar.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from data.doctor.decoding import SIDE
from data.doctor.findings import Finding, Kind

# Measured on 40 BSDS500 pictures (area-scaled by 0.72, mirrored, JPEG quality 60, up to 10 % cut
# off each edge) against the 119 of Set5, Set14 and BSD100: copies correlate by 0.94 and more once
# they are aligned, the most alike of other pictures by 0.62.
_ALIKE = 0.85
_COARSE = 16  # pixels of the thumbnails that find candidates
_LIKELY = 0.3  # correlation of a candidate
_CANDIDATES = 5  # of a picture; true ones came first or second
_SMOOTH = 1 / 8  # standard deviation, in thumbnail sides, of what counts as smooth
_FEATURELESS = 1.0  # gray levels of 255, root mean square; blank paper is alike everywhere
_STEPS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-3)


def copy_findings(
    split: str, thumbnails: Mapping[Path, np.ndarray], training: Mapping[Path, np.ndarray]
) -> list[Finding]:
    """The pictures of `split` that show the same as one of training's.

    Args:
        split: named in findings.
        thumbnails: (48, 48) float32 gray, by file.
        training: the same of the training pictures.
    """
    known = {file: fine for file, fine in _details(training) if fine is not None}
    if not known:
        return []
    files = list(known)
    coarse = np.stack([_unit(_details_of(training[file], _COARSE)).ravel() for file in files])
    found = []
    details = _details(thumbnails)
    for file, fine in tqdm(
        details, f"compare {split}", len(thumbnails), unit="file", leave=False, disable=None
    ):
        if fine is None:
            continue
        views = list(_views(_unit(_details_of(thumbnails[file], _COARSE))))
        likeness = np.stack([view.ravel() for view in views]) @ coarse.T
        turned = list(_views(fine))
        for candidate in np.argsort(-likeness.max(axis=0))[:_CANDIDATES]:
            view = int(likeness[:, candidate].argmax())
            if likeness[view, candidate] < _LIKELY:
                break
            other = files[candidate]
            correlation = _aligned(known[other], turned[view])
            if correlation > _ALIKE:
                what = f"shows the same as train's {other} (correlation {correlation:.2f})"
                found.append(Finding(split, file, what, Kind.COPY))
                break
    return found


def _details(thumbnails: Mapping[Path, np.ndarray]) -> Iterator[tuple[Path, np.ndarray | None]]:
    """Each file's details; None where there are none to compare."""
    for file, thumbnail in thumbnails.items():
        coarse = _details_of(thumbnail, _COARSE)
        seen = float(np.sqrt(np.mean(coarse**2))) >= _FEATURELESS
        yield file, _details_of(thumbnail, SIDE) if seen else None


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
