"""What happens when something on the page is chosen or pressed."""

from __future__ import annotations

import asyncio
import html
import time
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from engine.verdict import Verdict
from serving.backend import Backend
from serving.errors import without_paths
from serving.limits import check_size
from serving.page.cache import Cache
from serving.page.choices import AUTO, Choices
from serving.page.comparison import comparison
from serving.page.given import amount_of, file_of, system_of
from serving.page.layout import Parts
from serving.page.samples import SAMPLES
from serving.page.sharpening import sharpened
from serving.page.words import error_text, facts_text, note_text, verdict_text
from serving.uploads import decode_upload
from utils.errors import PellucidError
from utils.image_headers import image_header
from utils.images import encode_png
from utils.logging import get_logger

_log = get_logger(__name__)

Updates = dict[Any, Any]
Handler = Callable[..., Awaitable[Updates]]

_AT_ONCE = 2  # visitors whose pictures are in hand; the others see their place in a line

# On a phone the result stands below everything else.
_SHOW_RESULT = """() => {
  const result = document.getElementById("result");
  if (result.getBoundingClientRect().top > window.innerHeight / 2)
    result.scrollIntoView({behavior: "smooth"});
}"""


def connect(
    parts: Parts, backend: Backend, choices: Choices, max_pixels: int, cache: Cache
) -> None:
    """Have the page's components do their work.

    Args:
        parts: the components.
        backend: restores and detects.
        choices: what it offers.
        max_pixels: that an upload may have.
        cache: keeps results until they are downloaded.
    """
    actions = _Actions(parts, backend, choices, max_pixels, cache)
    results = [parts.verdict, parts.comparison, parts.note, parts.download]
    picture = parts.picture
    settings = [picture, parts.system, parts.model, parts.method, parts.sharpening]
    # What Gradio makes of an input (it decodes pictures) is not what is wanted here.
    always: dict[str, Any] = {"api_visibility": "private", "preprocess": False}
    quiet = {**always, "show_progress": "hidden"}
    parts.samples.click(actions.take_sample, parts.samples, [picture, parts.system], **quiet)
    parts.system.change(actions.choose, parts.system, [parts.about, parts.model], **quiet)
    picture.change(actions.look, picture, [parts.facts, *results], **quiet)
    for button, handler, inputs in (
        (parts.restore, actions.restore, settings),
        (parts.check, actions.check, [picture, parts.method]),
    ):
        event = button.click(
            handler,
            inputs,
            results,
            show_progress_on=[parts.comparison],
            concurrency_id="pictures",
            concurrency_limit=_AT_ONCE,
            **always,
        )
        event.then(None, js=_SHOW_RESULT, show_progress="hidden")


def telling(handler: Handler) -> Handler:
    """Tell the visitor in one line what went wrong; of our own defects the log has the rest."""

    @wraps(handler)
    async def told(*values: Any) -> Updates:
        try:
            return await handler(*values)
        except PellucidError as error:
            raise _shown(str(error)) from error
        except Exception as error:
            _log.exception("the page failed")
            raise _shown("the server failed at this; its log says why") from error

    return told


class _Actions:
    def __init__(
        self, parts: Parts, backend: Backend, choices: Choices, max_pixels: int, cache: Cache
    ) -> None:
        self._parts = parts
        self._backend = backend
        self._choices = choices
        self._check_size = partial(check_size, max_pixels)
        self._cache = cache
        self.take_sample = telling(self._take_sample)
        self.choose = telling(self._choose)
        self.look = telling(self._look)
        self.restore = telling(self._restore)
        self.check = telling(self._check)

    async def _take_sample(self, index: int) -> Updates:
        """Take a sample's file, and the system that it is for where that is offered."""
        file, system = SAMPLES[index].file, SAMPLES[index].system
        offered = system in self._choices.models
        return {
            self._parts.picture: str(file),
            self._parts.system: system if offered else gr.skip(),
        }

    async def _choose(self, system: str) -> Updates:
        """Say what a system does, and offer what can be chosen for it."""
        models = self._choices.models[system_of(system, self._choices.models)]
        return {
            self._parts.about: self._choices.about(system),
            self._parts.model: gr.update(
                choices=models, value=models[0], interactive=len(models) > 1
            ),
        }

    async def _look(self, picture: Any) -> Updates:
        """Say what a new picture is, or why it cannot be read; the last result goes."""
        cleared = self._results()
        if picture is None:
            return {**cleared, self._parts.facts: gr.update(visible=False)}
        try:
            file = file_of(picture, self._cache.folder)
            header = await asyncio.to_thread(image_header, file)
            self._check_size(*header.upright)
            text = facts_text(header, file.name)
        except PellucidError as error:
            text = error_text(without_paths(str(error)))
        return {**cleared, self._parts.facts: gr.update(value=text, visible=True)}

    async def _restore(
        self, picture: Any, system: Any, model: Any, method: Any, sharpening: Any
    ) -> Updates:
        file, amount = file_of(picture, self._cache.folder), amount_of(sharpening)
        begun = time.monotonic()
        image = await self._decode(file)
        restored, verdict = await self._restored(image, system, model, method)
        if restored is image:
            return self._results(verdict, note="<p>The picture is left as it is.</p>")
        restored = await asyncio.to_thread(sharpened, restored, amount)
        note = note_text(restored, time.monotonic() - begun)
        shown = await asyncio.to_thread(comparison, image, restored)
        saved = await asyncio.to_thread(self._save, restored, f"{file.stem}_{system}.png")
        return self._results(verdict, shown, note, saved)

    async def _restored(
        self, image: np.ndarray, system: Any, model: Any, method: Any
    ) -> tuple[np.ndarray, Verdict | None]:
        """The restored picture, `image` itself where nothing was to be done, and the verdict."""
        system = system_of(system, self._choices.models)
        # Who presses before a new system's choices have come has the last one's: the default.
        known = model if model in self._choices.models[system] else None
        if system == AUTO:
            return await self._backend.auto(image, model=known, method=str(method))
        return await self._backend.restore(system, image, model=known), None

    async def _check(self, picture: Any, method: Any) -> Updates:
        image = await self._decode(file_of(picture, self._cache.folder))
        return self._results(await self._backend.detect(image, method=str(method)))

    async def _decode(self, file: Path) -> np.ndarray:
        data = await asyncio.to_thread(file.read_bytes)
        return (await asyncio.to_thread(decode_upload, data, self._check_size)).image

    def _save(self, image: np.ndarray, name: str) -> str:
        """A PNG has all bits, and transparency."""
        return self._cache.keep(encode_png(image), name)

    def _results(
        self,
        verdict: Verdict | None = None,
        shown: tuple[np.ndarray, np.ndarray] | None = None,
        note: str = "",
        saved: str | None = None,
    ) -> Updates:
        """What the right-hand side becomes."""
        parts = self._parts
        told = verdict_text(verdict) if verdict else ""
        return {
            parts.verdict: gr.update(value=told, visible=bool(told)),
            parts.comparison: shown,
            parts.note: gr.update(value=note, visible=bool(note)),
            parts.download: gr.update(value=saved, visible=saved is not None),
        }


def _shown(message: str) -> gr.Error:
    text = html.escape(without_paths(message), quote=False)
    return gr.Error(text, title="That did not work", print_exception=False)
