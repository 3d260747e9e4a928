"""The web page: Gradio's Blocks in front of a `serving.backend.Backend`."""

from serving.page.alone import create_page_app
from serving.page.mount import mount

__all__ = ["create_page_app", "mount"]
