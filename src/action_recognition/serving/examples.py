"""Answers as the page of the service shows them."""

from __future__ import annotations

from typing import Any

_VERDICT = {
    "action": "Brushing Teeth",
    "nearest_action": "Brushing Teeth",
    "probability": 0.9873,
    "known_probability": 0.9991,
    "unsure": False,
}
PREDICTION = {
    "file": "monday.mp4",
    **_VERDICT,
    "probabilities": {"Brushing Teeth": 0.9873, "Drinking": 0.0101},
    "start_s": 0.0,
    "duration_s": 4.2,
    "elapsed_s": 0.31,
    "clips_s": [[0.0, 4.0]],
    "timings_s": {"open_s": 0.01, "decode_s": 0.12, "network_s": 0.18},
}
TIMELINE = {"file": "monday.mp4", "segments": [{"start_s": 12.0, "end_s": 31.5, **_VERDICT}]}
MODEL = {"classes": ["Brushing Teeth", "Drinking"], "window_frames": 10}
FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"description": text}
    for status, text in (
        (400, "what is asked for is not understood"),
        (401, "the token is missing or wrong"),
        (403, "paths are not served, or the request comes from another site's page"),
        (404, "there is no such video below the folder"),
        (408, "the upload takes too long"),
        (413, "the upload is too large"),
        (415, "neither a form nor JSON"),
        (422, "the video cannot be read"),
        (429, "too many requests came within a minute; Retry-After says when to try again"),
        (503, "too many requests wait; Retry-After says when to try again"),
    )
}


def answer(example: dict[str, Any], *other_kinds: str) -> dict[int | str, dict[str, Any]]:
    """How OpenAPI says what a request is answered with, as JSON or as one of the other kinds."""
    content: dict[str, Any] = {"application/json": {"example": example}}
    content |= {kind: {} for kind in other_kinds}
    return {200: {"description": "Done.", "content": content}}
