"""What the server answers: the earlier service's two routes, and the API of all systems."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from engine.restore_options import SMALLEST_TILE, RestoreOptions
from engine.verdict import Verdict
from serving.catalogue import Catalogue
from serving.errors import STATUSES
from serving.keys import KeyCheck
from serving.presence import while_connected
from serving.service import Service
from serving.uploads import FIELD, Picture, decode_upload, read_upload
from utils.images import encode_png, to_8_bit

T = TypeVar("T")

VERDICT_HEADERS = ("Pellucid-Verdict", "Pellucid-Probability", "Pellucid-Block")

_FILE = {"type": "string", "format": "binary", "description": "PNG, JPEG, TIFF, WebP or BMP"}
_FORM = {"type": "object", "required": [FIELD], "properties": {FIELD: _FILE}}
_UPLOAD: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}
}
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}}, "description": "The restored picture"}
}

Model = Annotated[str | None, Query(description="a network that the system offers")]
Method = Annotated[str | None, Query(description="by what pixelation is detected")]
Format = Annotated[Literal["png", "own"], Query(description="of the answer: PNG, or the upload's")]


class Pong(BaseModel):
    """The earlier service's sign of life."""

    message: str = "pong"


class Inferred(BaseModel):
    """The earlier service's answer: a PNG file in base64."""

    image: str


class Judged(BaseModel):
    """Whether a picture is pixelated; `block` is the side of its blocks in pixels."""

    verdict: str
    probability: float
    block: float | None


class Detail(BaseModel):
    """What went wrong, and what to do."""

    detail: str


_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Detail} for status in sorted({*STATUSES.values()})
}


def restoring_options(
    tile: Annotated[
        int | None, Query(ge=SMALLEST_TILE, description="side of the part restored at once, pixels")
    ] = None,
    scale: Annotated[
        float | None, Query(gt=0, description="size of the result, in times of the input's")
    ] = None,
    self_ensemble: Annotated[
        bool, Query(description="average over 8 flips and rotations, 8 times slower")
    ] = False,
) -> RestoreOptions:
    """What a request's query says of how to restore."""
    return RestoreOptions(tile=tile, self_ensemble=self_ensemble, outscale=scale)


Options = Annotated[RestoreOptions, Depends(restoring_options)]


def build_routes(service: Service) -> APIRouter:
    """The routes that restore and detect; with an API key, only for those who have it.

    Args:
        service: does the work.
    """
    router = APIRouter(
        dependencies=[Depends(KeyCheck(service.settings.api_key))], responses=_ERRORS
    )
    _add_infer(router, service)
    _add_restore(router, service)
    _add_detect(router, service)
    _add_auto(router, service)

    @router.get("/v1/systems")
    async def systems() -> Catalogue:
        """Tell what can be done for a picture, and by which networks and methods."""
        return service.systems()

    return router


def _add_infer(router: APIRouter, service: Service) -> None:
    @router.post("/infer", openapi_extra=_UPLOAD)
    async def infer(request: Request) -> Inferred:
        """Remove glare; gray stays gray, colour stays colour, in a PNG of 8 bits."""

        async def work(picture: Picture) -> Inferred:
            restored = await service.restore("glare", picture.image)
            data = await run_in_threadpool(lambda: encode_png(to_8_bit(restored)))
            return Inferred(image=base64.b64encode(data).decode())

        return await _with_picture(service, request, service.factor("glare"), work)


def _add_restore(router: APIRouter, service: Service) -> None:
    @router.post(
        "/v1/restore/{system}",
        openapi_extra=_UPLOAD,
        responses=_PICTURE,
        response_class=Response,
    )
    async def restore(
        request: Request,
        system: str,
        options: Options,
        model: Model = None,
        format: Format = "png",
    ) -> Response:
        """Restore a picture by a system; see `GET /v1/systems`."""

        async def work(picture: Picture) -> Response:
            restored = await service.restore(system, picture.image, model=model, options=options)
            data, kind = await run_in_threadpool(picture.encode, restored, format == "own")
            return Response(data, media_type=kind)

        factor = service.factor(system, model, options)
        return await _with_picture(service, request, factor, work)


def _add_detect(router: APIRouter, service: Service) -> None:
    @router.post("/v1/detect", openapi_extra=_UPLOAD)
    async def detect(request: Request, method: Method = None) -> Judged:
        """Tell whether a picture is pixelated, how surely, and in blocks of which size."""

        async def work(picture: Picture) -> Judged:
            found = await service.detect(picture.image, method=method)
            return Judged(verdict=found.verdict, probability=found.probability, block=found.block)

        return await _with_picture(service, request, 1.0, work)


def _add_auto(router: APIRouter, service: Service) -> None:
    @router.post("/v1/auto", openapi_extra=_UPLOAD, responses=_PICTURE, response_class=Response)
    async def auto(
        request: Request,
        options: Options,
        model: Model = None,
        method: Method = None,
        format: Format = "png",
    ) -> Response:
        """Correct a picture if it is pixelated, else give it back; headers tell which it was."""

        async def work(picture: Picture) -> Response:
            restored, found = await service.auto(
                picture.image, model=model, method=method, options=options
            )
            data, kind = await run_in_threadpool(picture.encode, restored, format == "own")
            return Response(data, media_type=kind, headers=_headers_of(found))

        factor = service.factor("pixelation", model, options)
        return await _with_picture(service, request, factor, work)


async def _with_picture(
    service: Service,
    request: Request,
    factor: float,
    work: Callable[[Picture], Awaitable[T]],
) -> T:
    """Admit a request, read and decode its picture, and do the work while the client waits."""
    settings = service.settings

    async def decode_and_work(data: bytes) -> T:
        picture = await run_in_threadpool(
            decode_upload, data, lambda height, width: service.check_size(height, width, factor)
        )
        return await work(picture)

    with service.admit():
        data = await read_upload(request, settings.max_bytes, settings.time_limit)
        return await while_connected(request, decode_and_work(data))


def _headers_of(found: Verdict) -> dict[str, str]:
    """A verdict as headers beside a picture."""
    block = "" if found.block is None else f"{found.block:g}"
    values = (found.verdict, f"{found.probability:.4f}", block)
    return {name: value for name, value in zip(VERDICT_HEADERS, values, strict=True) if value}
