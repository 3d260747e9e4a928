"""Words to print, in whatever fonts the machine has.

matplotlib's own DejaVu at least; Chinese too where a CJK font is installed.
"""

from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import font_manager
from PIL import ImageFont

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


class Lettering:
    """The language of a page: Chinese on half of them where there are fonts, else English.

    Args:
        rng: what everything is drawn from.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._han = bool(_fonts(cjk=True)) and rng.random() < 0.5

    def font(self, height: int) -> ImageFont.FreeTypeFont:
        """A font of the language, `height` pixels high."""
        fonts = _fonts(cjk=self._han)
        return _load_font(fonts[self._rng.integers(len(fonts))], max(6, height))

    def text(self, ems: float) -> str:
        """Text about `ems` font heights long, in the page's language, often with figures."""
        if self._han:
            count = max(1, int(ems * self._rng.uniform(0.5, 1)))
            text = "".join(_HAN[i] for i in self._rng.integers(len(_HAN), size=count))
        else:
            count = max(1, int(ems * self._rng.uniform(0.5, 1) / 2.6))
            text = " ".join(_WORDS[i] for i in self._rng.integers(len(_WORDS), size=count))
            case = self._rng.random()
            text = text.upper() if case < 0.25 else text.capitalize() if case < 0.6 else text
        if self._rng.random() < 0.2:
            text = f"{self._rng.integers(1, 2500)} {text}"
        return text


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
