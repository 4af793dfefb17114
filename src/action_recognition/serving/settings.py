"""What the operator of the service decides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from action_recognition.errors import UsageError

TOKEN_VARIABLE = "ACTION_RECOGNITION_TOKEN"


@dataclass(frozen=True)
class Settings:
    """Whom the service answers, and what one request may take.

    Parameters:
        folder: requests may name videos below it; None: they can only upload.
        hosts: names under which it is reached; empty: `localhost` and plain addresses.
        token: what requests must bring as `Authorization: Bearer TOKEN`; None: nothing.
        upload_mb: megabytes (10^6 bytes) of one upload.
        upload_s: seconds that an upload may take to arrive.
        waiting: requests that are taken at once, the one that is worked on among them.

    Raises:
        UsageError: a number is not above 0, the token is empty, or the folder is none.
    """

    folder: Path | None = None
    hosts: tuple[str, ...] = ()
    token: str | None = None
    upload_mb: int = 500
    upload_s: float = 600.0
    waiting: int = 16

    def __post_init__(self) -> None:
        for name in ("upload_mb", "upload_s", "waiting"):
            if getattr(self, name) <= 0:
                raise UsageError(f"{name}: {getattr(self, name)}, must be more than 0")
        if self.token is not None and not self.token.strip():
            raise UsageError(f"{TOKEN_VARIABLE}: it is set, but empty")
        if self.folder is not None and not self.folder.is_dir():
            raise UsageError(f"{self.folder}: there is no such folder")
