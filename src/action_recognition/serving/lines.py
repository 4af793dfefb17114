"""An answer that comes in pieces: JSON lines, each sent as soon as it is known."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from action_recognition.errors import ActionRecognitionError
from action_recognition.recognition.formats import dump_json

LINES = "application/x-ndjson"


def wants_lines(request: Request) -> bool:
    """Whether a request asks for JSON lines, in its header Accept."""
    kinds = request.headers.get("accept", "").split(",")
    return any(kind.partition(";")[0].strip().lower() == LINES for kind in kinds)


class Lines(Response):
    """JSON lines.

    What fails before the first line is answered as any failure is. What fails later is said in the
    last line, as {"error": "one sentence"}.

    Parameters:
        found: the objects of the lines; it is closed when the client goes away.
    """

    def __init__(self, found: AsyncGenerator[Mapping[str, Any]]) -> None:
        super().__init__(media_type=LINES)
        del self.headers["content-length"]
        self._found = found

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, as ASGI has it."""

        async def put(value: Mapping[str, Any]) -> None:
            body = f"{dump_json(value)}\n".encode()
            await send({"type": "http.response.body", "body": body, "more_body": True})

        async with aclosing(self._found) as found:
            first = await anext(found, None)
            start = {"status": self.status_code, "headers": self.raw_headers}
            await send({"type": "http.response.start", **start})
            try:
                if first is not None:
                    await put(first)
                async for value in found:
                    await put(value)
            except ActionRecognitionError as told:
                await put({"error": str(told)})
        await send({"type": "http.response.body", "body": b""})
