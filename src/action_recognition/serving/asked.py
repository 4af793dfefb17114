"""The video that a request is about: uploaded, or named below the operator's folder."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Request
from starlette.datastructures import UploadFile

from action_recognition.errors import VideoError, one_line
from action_recognition.video.inside import check_inside
from action_recognition.video.source import Source

_JSON_BYTES = 65536
_UPLOAD = {
    "type": "object",
    "required": ["file"],
    "properties": {"file": {"type": "string", "format": "binary"}},
}
_PATH = {
    "type": "object",
    "required": ["path"],
    "properties": {"path": {"type": "string", "example": "kitchen/monday.mp4"}},
}
BODY: dict[str, Any] = {  # as OpenAPI says it
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _UPLOAD},
            "application/json": {"schema": _PATH},
        },
    }
}


@asynccontextmanager
async def asked_video(request: Request, folder: Path | None) -> AsyncIterator[tuple[Source, str]]:
    """The video and its name.

    Raises:
        HTTPException: there is none, or it must not be read.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        name = await _path_in(request)
        yield _below(folder, name), name
    elif kind == "multipart/form-data":
        async with request.form(max_files=1, max_fields=1) as form:
            upload = form.get("file")
            if not isinstance(upload, UploadFile):
                raise HTTPException(400, "the form has no file called 'file'")
            name = (upload.filename or "").replace("\\", "/").rpartition("/")[2]
            yield upload.file, name or "video"
    else:
        raise HTTPException(415, "send multipart/form-data with a file, or JSON with a path")


async def _path_in(request: Request) -> str:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _JSON_BYTES:
            raise HTTPException(413, f"the JSON is larger than {_JSON_BYTES} bytes")
    try:
        path = json.loads(body)["path"]
    except (ValueError, KeyError, TypeError, RecursionError):
        path = None
    if not isinstance(path, str) or not path:
        raise HTTPException(400, 'the JSON must be {"path": "NAME"}')
    return path


def _below(folder: Path | None, name: str) -> Path:
    if folder is None:
        raise HTTPException(403, "paths are not served; upload the video (operator: --folder)")
    try:
        return check_inside(folder / name, folder)
    except VideoError:  # what there is elsewhere on the server is nobody's business
        raise HTTPException(404, one_line(f"{name}: there is no such video here")) from None
