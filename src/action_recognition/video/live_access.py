"""What a live source may make FFmpeg open: its own protocols and formats, and no other server.

FFmpeg follows redirects, and entries of playlists, to wherever they lead: to other servers in the
network of this machine, too. So redirects are followed here, and playlists (HLS) are read through
`Server`, which refuses what leads elsewhere.
"""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

# By the scheme of an address: what FFmpeg may use for it. "file" is never among it.
_PROTOCOLS = {
    "http": "http,https,httpproxy,tcp,tls",
    "rtsp": "rtsp,rtsps,rtp,srtp,udp,tcp,tls",
    "rtmp": "rtmp,rtmps,tcp,tls",
    "udp": "udp",
    "rtp": "rtp,srtp,udp",
    "srt": "srt,udp",
}
_STREAMS = (
    "mpegts,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,live_flv,asf,ogg,mpeg,ivf,h264,hevc,"
    "m4v,mpegvideo,obu,mjpeg,mpjpeg,jpeg_pipe,rawvideo,ingenient,wav,mp3,aac"
)
_FORMATS = {"rtsp": "rtsp,sdp,mpegts,asf", "rtp": "rtp,sdp,mpegts"}
_MAX_REDIRECTS = 5
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SECRETS = re.compile(r"(?i)((?:pass(?:word|wd)?|pwd|token)=)[^&/;,]*")


def allowed(url: str) -> dict[str, str]:
    """Options that keep FFmpeg to what an address names."""
    scheme = _family(url)
    options = {
        "protocol_whitelist": _PROTOCOLS[scheme],
        "format_whitelist": _FORMATS.get(scheme, _STREAMS),
    }
    return options | ({"max_redirects": "0"} if scheme == "http" else {})


def allowed_in_playlist() -> dict[str, str]:
    """The same for a playlist of which `Server` opens each part, so that FFmpeg opens nothing."""
    return {"protocol_whitelist": "http,https,crypto", "format_whitelist": f"hls,{_STREAMS}"}


def shown(url: str) -> str:
    """An address for messages: without user, password and query.

    A password may hold signs that should have been escaped. What may be one is left out.

    >>> shown("rtsp://me:p@ss@door/1?a=b"), shown("rtsp://me:p/s?s@door/1"), shown("http://h/@me")
    ('rtsp://door/1', 'rtsp://door/1', 'http://h/@me')
    """
    scheme, _, rest = url.partition("://")
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    path = rest.partition("?")[0]
    port = authority.rpartition(":")[2] if ":" in authority else ""
    if "@" in authority:
        rest = rest[authority.rindex("@") + 1 :]
    elif "@" in rest and ":" in authority and ("@" in path or not port.isdecimal()):
        rest = rest.rpartition("@")[2]
    return f"{scheme}://" + _SECRETS.sub(r"\1…", re.split("[?#]", rest, maxsplit=1)[0])


def redirected(url: str, timeout_s: float) -> str | None:
    """Where redirects of an http address lead in the end; None: there are none.

    Raises:
        PermissionError: to another server that is not a public one.
        OSError: no answer came.
    """
    target = url
    for _ in range(_MAX_REDIRECTS):
        location = Server(target, timeout_s).location()
        if location is None:
            return None if target == url else target
        onward = urlsplit(urljoin(target, location))
        if onward.scheme not in _DEFAULT_PORTS or not _may_follow(urlsplit(target), onward):
            raise _elsewhere(onward)
        target = urlunsplit(onward)
    raise _endless()


class Server:
    """The web server behind an address; nothing else is asked.

    Parameters:
        url: http or https, perhaps with user and password.
        timeout_s: for each answer, in seconds.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        self._parts, self._timeout_s = urlsplit(url), timeout_s
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        if self._parts.username is not None:
            user, password = unquote(self._parts.username), unquote(self._parts.password or "")
            own = f"{self._parts.scheme}://{_bare(self._parts).netloc}/"
            passwords.add_password(None, own, user, password)
        self._http = urllib.request.build_opener(
            _NoRedirects,
            urllib.request.HTTPBasicAuthHandler(passwords),
            urllib.request.HTTPDigestAuthHandler(passwords),
        )

    def open(self, url: str, _flags: int, options: Mapping[str, str]) -> Any:
        """A file object with a part of a playlist, as PyAV's `io_open` wants it.

        Raises:
            PermissionError: it lies on another server, or is encrypted.
            OSError: it does not come.
        """
        end = options.get("end_offset")
        first = options.get("offset", "0")
        headers = {} if end is None else {"Range": f"bytes={first}-{int(end) - 1}"}
        for _ in range(_MAX_REDIRECTS):
            parts = urlsplit(url)
            if parts.scheme.startswith("crypto"):
                raise PermissionError(errno.EPERM, "its playlist is encrypted")
            if _place(parts) != _place(self._parts):
                raise _elsewhere(parts)
            try:
                return _Answer(self._ask(parts, headers))
            except urllib.error.HTTPError as error:
                location = error.headers.get("Location")
                if error.code // 100 != 3 or not location:
                    reason = f"a part of its playlist is answered with {error.code}"
                    raise OSError(errno.EREMOTEIO, reason) from None
                url = urljoin(url, location)
        raise _endless()

    def location(self) -> str | None:
        """Where the address is redirected to; None: it is not."""
        try:
            self._ask(self._parts, {}).close()
        except urllib.error.HTTPError as error:
            return error.headers.get("Location") if error.code // 100 == 3 else None
        return None

    def _ask(self, parts: SplitResult, headers: dict[str, str]) -> Any:
        request = urllib.request.Request(_bare(parts).geturl(), headers=headers)
        try:
            return self._http.open(request, timeout=self._timeout_s)
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError as error:
            raise OSError(errno.EIO, str(getattr(error.reason, "strerror", None))) from None
        except (HTTPException, ValueError):
            raise OSError(errno.EIO, "its answer is no HTTP") from None


class _Answer:
    """An answer that can only be read on."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def read(self, size: int) -> bytes:
        data: bytes = self._answer.read(size)
        return data

    def close(self) -> None:
        self._answer.close()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _family(url: str) -> str:
    scheme = url.partition(":")[0].lower()
    return scheme if scheme in _PROTOCOLS else scheme.removesuffix("s")


def _bare(parts: SplitResult) -> SplitResult:
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="")


def _place(parts: SplitResult) -> tuple[str, str | None, int | None]:
    """What must stay the same: protocol, host and port."""
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)


def _elsewhere(parts: SplitResult) -> PermissionError:
    where = f"{parts.scheme}://{_bare(parts).netloc}"
    return PermissionError(errno.EPERM, f"it leads to another place, {where}, which is not opened")


def _endless() -> OSError:
    return OSError(errno.ELOOP, "it is redirected again and again")


def _may_follow(here: SplitResult, onward: SplitResult) -> bool:
    same = _place(here) == _place(onward)
    upgrade = here.hostname == onward.hostname and (_place(here)[2], _place(onward)[2]) == (80, 443)
    return same or upgrade or _is_public(onward.hostname or "")


def _is_public(host: str) -> bool:
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False
    return bool(found) and all(ipaddress.ip_address(a.partition("%")[0]).is_global for a in found)
