"""The page as a part of a FastAPI app."""

from __future__ import annotations

from fastapi import FastAPI
from gradio import Blocks, mount_gradio_app
from gradio.route_utils import CustomCORSMiddleware
from starlette.routing import Route

from serving.backend import Backend
from serving.page.access import key_holder
from serving.page.actions import connect
from serving.page.cache import Cache
from serving.page.choices import Choices
from serving.page.doors import Doors
from serving.page.layout import lay_out
from serving.page.theme import STYLE, make_theme
from serving.settings import Settings

_DOCS = "/docs"
_KEPT = 1800  # seconds that uploads and results stay
_DELETED_EVERY = 60  # seconds
_ROOM = 2**29  # bytes of uploads and results
_LINE = 64  # visitors in that line


def mount(
    app: FastAPI,
    backend: Backend,
    settings: Settings,
    delete_cache: tuple[int, int] = (_DELETED_EVERY, _KEPT),
    room: int = _ROOM,
) -> None:
    """Put the page at `/` of an app, behind all routes that the app has by then.

    Args:
        app: serves it.
        backend: restores and detects.
        settings: limits of uploads, and the key without which nobody gets the page.
        delete_cache: every how many seconds uploads and results are deleted that are older than
            how many seconds.
        room: bytes of uploads and results beyond which no more are taken.

    Raises:
        ConfigError: there is no folder to keep uploads in.
    """
    cache = Cache(delete_cache[1], room)
    with Blocks(title="Pellucid", analytics_enabled=False, delete_cache=delete_cache) as blocks:
        choices = Choices(backend.systems())
        parts = lay_out(choices, _docs_of(app))
        connect(parts, backend, choices, settings.max_pixels, cache)
    mount_gradio_app(
        app,
        blocks.queue(max_size=_LINE, api_open=False),
        "/",
        show_error=False,
        max_file_size=settings.max_bytes,
        auth_dependency=key_holder(settings.api_key) if settings.api_key else None,
        theme=make_theme(),
        css_paths=STYLE,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        ssr_mode=False,
    )
    page = app.routes[-1].app  # type: ignore[attr-defined]
    # Gradio lets every other site read what it answers; here only the API's own --cors counts.
    page.user_middleware = [m for m in page.user_middleware if m.cls is not CustomCORSMiddleware]
    page.add_middleware(Doors, max_file_size=settings.max_bytes, cache=cache)


def _docs_of(app: FastAPI) -> str | None:
    """Where the app shows its documentation, if it does."""
    paths = [route.path for route in app.routes if isinstance(route, Route)]
    return _DOCS if _DOCS in paths else None
