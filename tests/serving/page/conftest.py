"""The page, asked in this process."""

from contextlib import ExitStack

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.app import create_app
from serving.service import Service
from serving.settings import Settings

pytest.importorskip("gradio", reason="the page needs requirements-serve.txt")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the page keeps uploads and results."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture
def make_app(models, folder):
    """Makes the application with the page, by default in front of all networks."""
    from serving.page import mount

    def make(backend=None, delete_cache=(60, 600), room=2**29, **settings):
        settings = Settings(device="cpu", **settings)
        service = Service(settings, models)
        app = create_app(service) if backend is None else FastAPI()
        mount(app, backend or service, settings, delete_cache, room)
        return app

    return make


@pytest.fixture
def ask(make_app):
    """Starts the application and gives a client of it."""
    with ExitStack() as running:
        yield lambda **options: running.enter_context(TestClient(make_app(**options)))


@pytest.fixture(scope="module")
def client(models, tmp_path_factory):
    """A client of the application with the page, as it is by default; one for a whole module."""
    from serving.page import mount

    settings = Settings(device="cpu")
    service = Service(settings, models)
    app = create_app(service)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("kept")))
        mount(app, service, settings)
        with TestClient(app) as started:
            yield started
