"""What the operator of the service decides."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from action_recognition.errors import UsageError
from action_recognition.files import read_regular

TOKEN_VARIABLE = "ACTION_RECOGNITION_TOKEN"
_TOKEN_BYTES = 4096


@dataclass(frozen=True)
class Settings:
    """Whom the service answers, and what one request may take.

    Parameters:
        folder: requests may name videos below it; None: they can only upload.
        hosts: names under which it is reached; empty: `localhost` and plain addresses.
        token: what requests must bring as `Authorization: Bearer TOKEN`; None: nothing.
        upload_mb: megabytes (10^6 bytes) of one upload.
        upload_s: seconds that an upload may take to arrive.
        requests_per_visitor: requests that may come from one address within a minute.
        requests: requests that may come from all addresses within a minute.
        waiting: requests that are taken at once, the one that is worked on among them.

    Raises:
        UsageError: a number is not above 0, the token is empty, or the folder is none.
    """

    folder: Path | None = None
    hosts: tuple[str, ...] = ()
    token: str | None = None
    upload_mb: int = 500
    upload_s: float = 600.0
    requests_per_visitor: int = 120
    requests: int = 600
    waiting: int = 16

    def __post_init__(self) -> None:
        for name in ("upload_mb", "upload_s", "requests_per_visitor", "requests", "waiting"):
            if getattr(self, name) <= 0:
                raise UsageError(f"{name}: {getattr(self, name)}, must be more than 0")
        if self.token is not None and not self.token.strip():
            raise UsageError(f"{TOKEN_VARIABLE} or --token-file: it is given, but empty")
        if self.folder is not None and not self.folder.is_dir():
            raise UsageError(f"{self.folder}: there is no such folder")


def read_token(file: str | None) -> str | None:
    """The token in a file, else that of the variable, else None.

    Raises:
        UsageError: the file cannot be read as text.
    """
    if file is None:
        return os.environ.get(TOKEN_VARIABLE)
    try:
        return read_regular(Path(file), _TOKEN_BYTES).decode().strip()
    except OSError as error:
        raise UsageError(f"{file}: it cannot be read ({error.strerror or error})") from None
    except ValueError:
        raise UsageError(f"{file}: it is no text in UTF-8") from None
