"""Packs, book covers, posters, labels and pages of text."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from data.printed.lettering import Lettering

Decode = Callable[[Path, int], np.ndarray]  # a file and channels to a picture


class Page:
    """One page in the making.

    Args:
        size: its height and width in pixels.
        photos: files of photographs to print among the text; none for drawn matter only.
        rng: what everything is drawn from.
        decode: a file and a number of channels to a picture, HWC.
    """

    def __init__(
        self, size: int, photos: list[Path], rng: np.random.Generator, decode: Decode
    ) -> None:
        self.size = size
        self.photos = photos
        self.rng = rng
        self.decode = decode
        self.lettering = Lettering(rng)
        self.paper, self.ink = self._colors()
        self.canvas = Image.new("RGB", (size, size), self.paper)
        self.draw = ImageDraw.Draw(self.canvas)

    def layout(self) -> np.ndarray:
        """Fill the page in one of five manners and return it, uint8 (size, size, 3)."""
        kinds = [self._poster, self._cover, self._pack, self._label, self._text_page]
        kinds[self.rng.integers(len(kinds))]()
        return np.asarray(self.canvas)

    def _colors(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Paper and ink: two colours that differ enough in brightness to be read."""
        hue = self.rng.integers(0, 256, 3)
        dark = self.rng.uniform(0, 0.35) * hue
        bright = 255 - self.rng.uniform(0, 0.5) * hue
        pair = (tuple(int(v) for v in bright), tuple(int(v) for v in dark))
        return pair if self.rng.random() < 0.6 else pair[::-1]

    def _px(self, low: float, high: float) -> int:
        """A random length in pixels, given in picture widths."""
        return int(self.size * self.rng.uniform(low, high))

    def _poster(self) -> None:
        self._photo((0, 0, self.size, self.size))
        for _ in range(self.rng.integers(2, 7)):
            self._caption()

    def _cover(self) -> None:
        self._gradient()
        left, top = self._px(0.05, 0.3), self._px(0.25, 0.5)
        if self.rng.random() < 0.7:
            self._photo((left, top, left + self._px(0.3, 0.65), top + self._px(0.3, 0.5)))
        self._line(self._px(0.04, 0.15), self._px(0.04, 0.12), self._px(0.08, 0.18), self.ink)
        for _ in range(self.rng.integers(1, 4)):
            self._line(self._px(0.04, 0.4), self._px(0.15, 0.95), self._px(0.03, 0.07), self.ink)

    def _pack(self) -> None:
        self._gradient()
        for _ in range(self.rng.integers(3, 8)):
            self._panel()
        if self.rng.random() < 0.6:
            left, top = self._px(0, 0.6), self._px(0, 0.6)
            self._photo((left, top, left + self._px(0.2, 0.5), top + self._px(0.2, 0.5)))
        self._caption()
        self._paragraph(self._px(0.03, 0.5), self._px(0.5, 0.8), self._px(0.3, 0.5), self.ink)
        if self.rng.random() < 0.6:
            self._barcode()

    def _label(self) -> None:
        top = self._px(0.03, 0.1)
        self._line(self._px(0.04, 0.2), top, self._px(0.06, 0.12), self.ink)
        row = self._px(0.05, 0.09)
        column = self._px(0.3, 0.6)
        for y in range(top + 2 * row, self.size - row, row):
            self.draw.line((self.size * 0.04, y, self.size * 0.96, y), self.ink, max(1, row // 20))
            self._line(
                int(self.size * 0.05), y + row // 6, row // 2, self.ink, limit=int(column * 0.8)
            )
            self._line(column, y + row // 6, row // 2, self.ink, limit=int(self.size * 0.3))

    def _text_page(self) -> None:
        columns = int(self.rng.integers(1, 4))
        width = self.size // columns
        margin = self.size // 40
        for column in range(columns):
            left = column * width + margin
            self._paragraph(
                left, self._px(0.02, 0.12), width - 2 * margin, self.ink, to_bottom=True
            )
        if self.rng.random() < 0.5:
            left, top = self._px(0.05, 0.5), self._px(0.1, 0.6)
            self._photo((left, top, left + self._px(0.2, 0.5), top + self._px(0.15, 0.4)))

    def _gradient(self) -> None:
        """Fade from the paper's colour to another, in a random direction."""
        other = self.rng.integers(0, 256, 3) * 0.5 + np.array(self.paper) * 0.5
        turn = self.rng.uniform(0, 2 * np.pi)
        y, x = np.mgrid[-1 : 1 : self.size * 1j, -1 : 1 : self.size * 1j]
        mix = np.clip(0.5 + 0.5 * (x * np.cos(turn) + y * np.sin(turn)), 0, 1)[..., None]
        shade = np.array(self.paper) * (1 - mix) + other * mix
        self.canvas.paste(Image.fromarray(shade.astype(np.uint8)))

    def _panel(self) -> None:
        left, top = self._px(-0.1, 0.8), self._px(-0.1, 0.8)
        box = (left, top, left + self._px(0.1, 0.7), top + self._px(0.05, 0.4))
        color = tuple(int(v) for v in self.rng.integers(0, 256, 3))
        shape = self.rng.integers(3)
        if shape == 0:
            self.draw.rectangle(box, color)
        elif shape == 1:
            self.draw.rounded_rectangle(box, self._px(0.01, 0.08), color)
        else:
            self.draw.ellipse(box, color)

    def _barcode(self) -> None:
        left, top, height = self._px(0.05, 0.6), self._px(0.5, 0.85), self._px(0.06, 0.14)
        width, unit = self._px(0.2, 0.35), max(1, self.size // 300)
        self.draw.rectangle((left, top, left + width, top + height), (255, 255, 255))
        x = left + 4 * unit
        while x < left + width - 4 * unit:
            bar = unit * int(self.rng.integers(1, 4))
            self.draw.rectangle((x, top + unit, x + bar - 1, top + height - unit), (0, 0, 0))
            x += bar + unit * int(self.rng.integers(1, 4))

    def _photo(self, box: tuple[int, int, int, int]) -> None:
        """Print part of a photograph into `box`; a smooth pattern where there are none."""
        width, height = box[2] - box[0], box[3] - box[1]
        if self.photos:
            photo = self.decode(self.photos[self.rng.integers(len(self.photos))], 3)
            if photo.dtype == np.uint16:
                photo = (photo >> 8).astype(np.uint8)
            share = self.rng.uniform(0.5, 1.0)
            rows = int(min(photo.shape[0], photo.shape[1] * height / width) * share)
            columns = int(rows * width / height)
            top = self.rng.integers(photo.shape[0] - rows + 1)
            left = self.rng.integers(photo.shape[1] - columns + 1)
            photo = photo[top : top + rows, left : left + columns]
        else:
            photo = self.rng.integers(0, 256, (4, 4, 3)).astype(np.uint8)
        shrinks = photo.shape[0] > height
        method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        self.canvas.paste(
            Image.fromarray(cv2.resize(photo, (width, height), interpolation=method)), box[:2]
        )

    def _caption(self) -> None:
        """A headline somewhere, often on a box of its own."""
        left, top, height = self._px(0.02, 0.5), self._px(0.02, 0.9), self._px(0.03, 0.13)
        color = self.ink
        if self.rng.random() < 0.5:
            fill = tuple(int(v) for v in self.rng.integers(0, 256, 3))
            color = (0, 0, 0) if sum(fill) > 380 else (255, 255, 255)
            pad = height // 4
            self.draw.rectangle(
                (left - pad, top - pad, left + self._px(0.3, 0.6), top + height + pad), fill
            )
        elif self.rng.random() < 0.5:
            color = (255, 255, 255)
        self._line(left, top, height, color)

    def _line(
        self, left: int, top: int, height: int, color: tuple[int, ...], limit: int | None = None
    ) -> None:
        """One line of text, at most `limit` pixels wide (to the page's edge without)."""
        font = self.lettering.font(height)
        text = self.lettering.text((limit or self.size - left) / height)
        self.draw.text((left, top), text, color, font=font)

    def _paragraph(
        self, left: int, top: int, width: int, color: tuple[int, ...], to_bottom: bool = False
    ) -> None:
        height = max(7, self._px(0.016, 0.045))
        font = self.lettering.font(height)
        bottom = self.size if to_bottom else min(self.size, top + self._px(0.1, 0.4))
        for y in range(top, bottom - height, int(height * 1.35)):
            self.draw.text((left, y), self.lettering.text(width / height), color, font=font)
