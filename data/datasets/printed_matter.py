"""Printed matter, laid out on the fly: packs, book covers, posters, labels and pages.

Clean pictures for degradations that happen to print, such as glare. Text is set in whatever fonts
the machine has (matplotlib's own DejaVu at least; Chinese too where a CJK font is installed).
"""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from data.datasets.files import MissingDataError
from data.decoded.pictures import DecodedPictures
from data.inventory import Inventory, SampleFiles
from data.registries import DATASETS
from utils.errors import DataError
from utils.images import list_images, read_image

_WORDS = (
    "the of and to in a is that for it as was with be by on not he his but at are this have from "
    "fresh natural organic premium original classic quality guaranteed net weight ingredients "
    "water sugar salt milk cocoa butter flour wheat oil may contain nuts store cool dry place best "
    "before keep away children warning caution press open here made product company limited "
    "volume edition chapter author press university history science travel guide world city music "
    "concert festival summer winter night free entry tickets doors sale new offer special price "
    "today only call visit street number telephone mail energy protein carbohydrate fat fibre per "
    "serving daily value vitamin calcium iron directions shake well apply skin rinse dermatology"
).split()
_HAN = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之"
    "年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样"
    "理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将"
    "产品名称净含量配料生产日期保质期贮存条件地址电话食用方法营养成分表能量蛋白质脂肪出版社书"
    "店新闻报价促销活动时间教师内容地点上课中心研究所自动化大厦楼会室牌号类型规格执行标准许可证"
)
_CJK_FONTS: tuple[str, ...] = (
    "cjk",
    "wqy",
    "sourcehan",
    "simsun",
    "simhei",
    "msyh",
    "pingfang",
    "heiti",
    "songti",
)
_LATIN_FONTS: tuple[str, ...] = (
    "dejavu",
    "liberation",
    "noto",
    "arial",
    "times",
    "georgia",
    "helvet",
    "verdana",
)

_Decode = Callable[[Path, int], np.ndarray]  # a file and channels to a picture


@DATASETS.register
class PrintedMatter:
    """A data set of invented print; sample `index` is drawn from its random generator alone.

    Args:
        count: how many samples the set says it has.
        size: height and width of a sample in pixels.
        photos: folders with photographs to print among the text; without, only drawn matter.
        include: a pattern that the photographs' file names must match.
        photographed: False leaves pages as they were laid out, flat and sharp to the pixel, as on
            a screen; else they are turned, shaded and blurred a little, as by a camera.
        channels: 1 for gray samples, 3 for RGB.
        split: train, val or test; named in errors.

    Raises:
        DataError: a folder of `photos` is missing or has no pictures.
    """

    def __init__(
        self,
        count: int,
        size: int,
        photos: Sequence[str] = (),
        include: str = "*",
        photographed: bool = True,
        *,
        channels: int,
        split: str,
    ) -> None:
        if count < 1 or size < 64:
            raise ValueError(f"count {count} must be at least 1 and size {size} at least 64")
        self.count = count
        self.size = size
        self.photographed = photographed
        self.channels = channels
        self.split = split
        self.photos: list[Path] = []
        for folder in photos:
            if not Path(folder).is_dir():
                raise MissingDataError(f"{split}: no folder {folder}")
            found = [f for f in list_images(Path(folder)) if fnmatchcase(f.name, include)]
            if not found:
                raise DataError(f"{split}: no photograph in {folder} matches {include!r}")
            self.photos += found
        self._decode: _Decode = read_image

    def __len__(self) -> int:
        return self.count

    def inventory(self) -> Inventory:
        """The photographs that may be printed; what is drawn has no file."""
        return Inventory([SampleFiles(photo, side=self.size) for photo in self.photos])

    def keep_decoded(self, pictures: DecodedPictures) -> None:
        """From now on read photographs through `pictures`."""
        self._decode = pictures.read

    def read(self, index: int, rng: np.random.Generator) -> dict[str, np.ndarray | str]:
        """Lay out one picture: `target`, uint8 (size, size, channels)."""
        page = _Page(self.size, self.photos, rng, self._decode)
        image = page.layout()
        if self.photographed:
            image = _as_photographed(image, rng)
        if self.channels == 1:
            image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None]
        return {"target": image, "name": f"printed_{index:05d}"}


class _Page:
    """One page in the making."""

    def __init__(
        self, size: int, photos: list[Path], rng: np.random.Generator, decode: _Decode
    ) -> None:
        self.size = size
        self.photos = photos
        self.rng = rng
        self.decode = decode
        self.han = bool(_fonts(cjk=True)) and rng.random() < 0.5
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
        font = self._font(height)
        text = self._text((limit or self.size - left) / height)
        self.draw.text((left, top), text, color, font=font)

    def _paragraph(
        self, left: int, top: int, width: int, color: tuple[int, ...], to_bottom: bool = False
    ) -> None:
        height = max(7, self._px(0.016, 0.045))
        font = self._font(height)
        bottom = self.size if to_bottom else min(self.size, top + self._px(0.1, 0.4))
        for y in range(top, bottom - height, int(height * 1.35)):
            self.draw.text((left, y), self._text(width / height), color, font=font)

    def _font(self, height: int) -> ImageFont.FreeTypeFont:
        fonts = _fonts(cjk=self.han)
        return _load_font(fonts[self.rng.integers(len(fonts))], max(6, height))

    def _text(self, ems: float) -> str:
        """Text about `ems` font heights long, in the page's language, often with figures."""
        if self.han:
            count = max(1, int(ems * self.rng.uniform(0.5, 1)))
            text = "".join(_HAN[i] for i in self.rng.integers(len(_HAN), size=count))
        else:
            count = max(1, int(ems * self.rng.uniform(0.5, 1) / 2.6))
            text = " ".join(_WORDS[i] for i in self.rng.integers(len(_WORDS), size=count))
            case = self.rng.random()
            text = text.upper() if case < 0.25 else text.capitalize() if case < 0.6 else text
        if self.rng.random() < 0.2:
            text = f"{self.rng.integers(1, 2500)} {text}"
        return text


def _as_photographed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn, shade and slightly blur a flat print, as a hand-held camera would see it."""
    size = image.shape[0]
    corners = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32)
    if rng.random() < 0.6:
        # Corners move outwards only, so that the page still fills the frame.
        shift = rng.uniform(0, 0.12 * size, (4, 2)) * [[-1, -1], [1, -1], [1, 1], [-1, 1]]
        warp = cv2.getPerspectiveTransform(corners, (corners + shift).astype(np.float32))
        image = cv2.warpPerspective(image, warp, (size, size), flags=cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.9) * max(1.0, size / 512))
    # Real photographs hold neither pure white nor pure black, and are lit unevenly.
    shade = cv2.resize(rng.uniform(0.8, 1, (2, 2)).astype(np.float32), (size, size))[..., None]
    black, white = rng.uniform(0, 25), rng.uniform(200, 255)
    shaded = black + image.astype(np.float32) * shade * ((white - black) / 255)
    noise = rng.normal(0, rng.uniform(0, 2), (size, size, 1)).astype(np.float32)
    return np.clip(np.rint(shaded + noise), 0, 255).astype(np.uint8)


@cache
def _fonts(cjk: bool) -> list[str]:
    """Files of fonts that have Chinese (`cjk`) or Latin letters, in an order that does not vary."""
    if not cjk:
        own = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
        found = [str(path) for path in own.glob("DejaVu*.ttf") if "Display" not in path.name]
        known = _LATIN_FONTS
    else:
        found, known = [], _CJK_FONTS
    for path in font_manager.findSystemFonts():
        name = Path(path).name.lower()
        is_cjk = any(word in name for word in _CJK_FONTS)
        if is_cjk == cjk and any(word in name for word in known):
            found.append(path)
    return sorted(found, key=lambda path: Path(path).name)


@cache
def _load_font(path: str, height: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, height)
