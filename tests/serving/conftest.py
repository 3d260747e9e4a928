"""A server's application, asked in this process; networks are loaded once for all tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from fastapi.testclient import TestClient

from serving.app import create_app
from serving.errors import Unavailable
from serving.models import Models
from serving.service import Service
from serving.settings import Settings
from tests.conftest import REPOSITORY

YUNET = REPOSITORY.parent / "shared" / "data" / "weights" / "yunet_n_640_640.onnx"


@pytest.fixture(scope="session")
def models() -> Models:
    """All networks that come with Pellucid, on the CPU; with a face detector where there is one."""
    return Models(Settings(device="cpu", face_detector_model=YUNET if YUNET.is_file() else None))


@pytest.fixture(scope="session")
def unserved(models: Models) -> set[str]:
    """The systems that cannot be served here: mouth, where no face detector is at hand."""
    try:
        models.held("mouth")
    except Unavailable as error:
        assert "no face detector is at hand" in str(error)
        return {"mouth"}
    return set()


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
