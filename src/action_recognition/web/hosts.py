"""Under which names a server may be asked."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit


def is_known_host(host: str | None, allowed: Sequence[str] = ()) -> bool:
    """Whether a Host header is one of the allowed names.

    Without any, these are `localhost` and addresses: no name that somebody else could point here
    (DNS rebinding).
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if allowed:
            return name in {a.lower() for a in allowed}
        return name == "localhost" or bool(ipaddress.ip_address(name))
    except ValueError:
        return False
