"""A server's application, asked in this process; networks are loaded once for all tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from fastapi.testclient import TestClient

from serving.app import create_app
from serving.models import Models
from serving.service import Service
from serving.settings import Settings


@pytest.fixture(scope="session")
def models() -> Models:
    """All networks that come with Pellucid, on the CPU."""
    return Models(Settings(device="cpu"))


@pytest.fixture
def serve(models: Models) -> Iterator[Callable[..., TestClient]]:
    """Starts an application with settings, and gives a client of it; errors come as answers."""
    with ExitStack() as running:

        def start(models: Models = models, **settings: object) -> TestClient:
            service = Service(Settings(device="cpu", **settings), models)
            client = TestClient(create_app(service), raise_server_exceptions=False)
            return running.enter_context(client)

        yield start


@pytest.fixture
def client(serve: Callable[..., TestClient]) -> TestClient:
    """A client of an application as it is by default."""
    return serve()
