"""Downloads that survive: resumed after a cut, checked, and never half under the final name.

HTTP is spoken by `requests`; here is only what to do about its answers. While a file comes, it
stands as `NAME.part` beside `NAME.part.json`, which says what the server promised; the final
name appears by one atomic rename after the checks.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import requests
import urllib3
from filelock import FileLock, Timeout

from action_recognition.datasets.download.sources import RemoteFile
from action_recognition.errors import DataError
from action_recognition.files import read_json

Progress = Callable[[int, int], None]

_CHUNK = 1 << 18
_TIMEOUT_S = (20, 60)  # to connect, between two bytes
_LONGEST_WAIT_S = 60.0
_RETRIED_STATUS = {408, 425, 429, 500, 502, 503, 504}
_SIGNATURES = {".rar": b"Rar!\x1a\x07", ".zip": b"PK"}


class _TryAgainError(Exception):
    """A failure that may pass: what was got so far is kept."""

    def __init__(self, reason: str, *, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class _GiveUpError(Exception):
    """A failure of this address that waiting does not mend."""


@dataclass(frozen=True)
class _Promise:
    """What the server said of the file when its first byte came."""

    url: str
    total: int | None
    etag: str
    last_modified: str


def fetch(
    file: RemoteFile,
    folder: str | Path,
    *,
    check_certificate: bool = True,
    attempts: int = 5,
    first_wait_s: float = 1.0,
    on_progress: Progress | None = None,
) -> Path:
    """Brings a file into a folder, or finds it there.

    A local file among the locations is used where it lies. A download that was cut goes on at
    the byte where it stopped, at the next attempt or at the next call, if the server still has
    the same file and answers ranges; else it begins anew.

    Parameters:
        check_certificate: False accepts any certificate.
        attempts: failures in a row without a new byte, after which the next location is tried.
        first_wait_s: seconds to wait after the first failure; doubled each time, 60 at most.
        on_progress: called with (bytes so far, bytes in all or 0 where they are not known).

    Returns:
        where the file is.

    Raises:
        DataError: no location gave the file; one sentence with the reason for each. What was
            got is kept for the next call, unless it was wrong.
    """
    folder = Path(folder)
    target = folder / file.file_name
    if target.exists():
        return target
    reasons = []
    for location in file.locations:
        try:
            if not location.lower().startswith(("http://", "https://")):
                return _local(location, file)
            with locked(folder, file.file_name):
                if not target.exists():  # another process may have brought it
                    _download(
                        location, target, file.hash, check_certificate, attempts, first_wait_s,
                        on_progress or (lambda done, total: None),
                    )  # fmt: skip
                return target
        except _GiveUpError as error:
            reasons.append(f"{location}: {error}")
    raise DataError(f"{file.file_name}: cannot be fetched; " + "; ".join(reasons))


def require_space(folder: Path, needed: int, what: str) -> None:
    """Fails when a disk has less than `needed` bytes free.

    Raises:
        DataError: says how much is needed and how much there is.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DataError(
            f"{what}: the disk of {folder} is too small: {_size(needed)} are needed, "
            f"{_size(free)} are free"
        )


def _size(count: int) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"


def _local(location: str, file: RemoteFile) -> Path:
    path = Path(location.removeprefix("file://")).expanduser()
    if not path.is_file():
        raise _GiveUpError("there is no such file")
    _check_hash(path, file.hash)
    return path


def locked(folder: Path, name: str) -> AbstractContextManager[object]:
    """Keeps other downloads of that name out of a folder, until the process ends.

    Raises:
        DataError: another one is running, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / f".{name}.lock", timeout=0).acquire()
    except Timeout:
        raise DataError(f"{name}: another download of it into {folder} is running") from None
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror})") from None


def _download(
    url: str,
    target: Path,
    digest: str,
    check_certificate: bool,
    attempts: int,
    first_wait_s: float,
    on_progress: Progress,
) -> None:
    part = target.with_name(target.name + ".part")
    failures, wait = 0, first_wait_s
    # A byte counts as new beyond all that ever was there: where a server starts anew each time
    # and is cut each time, this ends.
    furthest = _bytes_in(part)
    with requests.Session() as session:
        while True:
            try:
                _receive(session, url, part, check_certificate, on_progress)
                break
            except _TryAgainError as error:
                done = _bytes_in(part)
                if done > furthest:
                    failures, wait, furthest = 0, first_wait_s, done
                else:
                    failures += 1
                if failures >= attempts:
                    raise _GiveUpError(
                        f"{error} (attempts without a new byte: {failures})"
                    ) from None
                time.sleep(max(wait, min(error.wait_s, _LONGEST_WAIT_S)))
                wait = min(wait * 2, _LONGEST_WAIT_S)
    try:
        _check_signature(part)
        _check_hash(part, digest)
    except _GiveUpError:
        _discard(part)
        raise
    part.replace(target)
    _promise_file(part).unlink(missing_ok=True)


def _receive(
    session: requests.Session, url: str, part: Path, check_certificate: bool, on_progress: Progress
) -> None:
    """One request: appends to `part` what it gives. Returns when the file is whole."""
    promise = _read_promise(part)
    # Bytes of unknown origin do not count, nor another server's without a length to compare.
    known = promise is not None and (promise.url == url or promise.total is not None)
    done = _bytes_in(part) if known else 0
    # "identity": with compression on the way, byte counts would mean nothing.
    headers = {"Accept-Encoding": "identity"}
    if done:
        headers["Range"] = f"bytes={done}-"
        if promise is not None and promise.url == url and (promise.etag or promise.last_modified):
            headers["If-Range"] = promise.etag or promise.last_modified
    try:
        # `verify` of a session would lose against REQUESTS_CA_BUNDLE.
        with session.get(
            url, headers=headers, stream=True, timeout=_TIMEOUT_S, verify=check_certificate
        ) as response:
            if response.status_code == 416:
                if promise is not None and promise.total == done:
                    return  # all had come, but the checks were not reached
                _discard(part)
                raise _TryAgainError("the server has another file than before")
            _check_status(response)
            if response.status_code == 206:
                promise = _check_range(response, url, promise, part, done)
            else:  # the whole file: no range was asked for, or the server does not do ranges
                # The old bytes go first: a kill must not leave them with the new promise.
                _discard(part)
                done, promise = 0, _promise_of(response, url, _length(response))
            total = promise.total
            _prepare(part, promise, done)
            with part.open("ab" if done else "wb") as file:
                done = _write(response, file, done, total, on_progress)
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _explain(error, url) from None
    except urllib3.exceptions.HTTPError as error:  # while the body is read
        late = isinstance(error, urllib3.exceptions.TimeoutError)
        why = "the server fell silent" if late else "the connection was cut"
        raise _TryAgainError(f"{why} at {_size(_bytes_in(part))}") from None
    except requests.RequestException as error:
        raise _GiveUpError(f"the request failed ({error})") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(
                f"{part.stem}: the disk is full after {_size(_bytes_in(part))}; free some space "
                "and call again, the download goes on from there"
            ) from None
        if error.errno is None:  # requests itself, where REQUESTS_CA_BUNDLE names no file
            raise _GiveUpError(f"the request failed ({error})") from None
        raise DataError(f"{part.name}: cannot be written ({error.strerror})") from None
    if total is not None and done > total:
        _discard(part)
        raise _TryAgainError("the server sent more than it announced")
    if total is not None and done < total:
        raise _TryAgainError(f"the connection was cut at {_size(done)} of {_size(total)}")


def _write(
    response: requests.Response, file: BinaryIO, done: int, total: int | None, progress: Progress
) -> int:
    # read1: whatever has come is written at once, so a cut costs none of it.
    while chunk := response.raw.read1(_CHUNK):
        file.write(chunk)
        done += len(chunk)
        progress(done, total or 0)
    return done


def _prepare(part: Path, promise: _Promise, done: int) -> None:
    if promise.total is not None:
        require_space(part.parent, promise.total - done, part.stem)
    _promise_file(part).write_text(json.dumps(asdict(promise)), encoding="utf-8")


def _check_status(response: requests.Response) -> None:
    status = response.status_code
    if status in (200, 206):
        return
    reason = f"the server answered {status} {response.reason or ''}".rstrip()
    if status in _RETRIED_STATUS:
        after = response.headers.get("Retry-After", "")
        raise _TryAgainError(reason, wait_s=float(after) if after.isdigit() else 0.0)
    raise _GiveUpError(reason)


def _check_range(
    response: requests.Response, url: str, promise: _Promise | None, part: Path, done: int
) -> _Promise:
    """The promise that the answered range belongs to; another file's range starts anew."""
    match = re.fullmatch(
        r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "").strip()
    )
    total = None if match is None or match[3] == "*" else int(match[3])
    found = _promise_of(response, url, total)
    if match is None or int(match[1]) != done or (promise and not _same_file(promise, found)):
        _discard(part)
        raise _TryAgainError("the server answered with a range of another file")
    if total is None and promise is not None:
        found = replace(found, total=promise.total)
    return found


def _same_file(promise: _Promise, found: _Promise) -> bool:
    """Asked here as well, for there are servers that answer ranges and overlook If-Range."""
    if promise.url != found.url:  # tags and times are each server's own, the length is the file's
        return found.total is not None and found.total == promise.total
    pairs: list[tuple[object, object]] = [
        (promise.total, found.total),
        (promise.etag, found.etag),
        (promise.last_modified, found.last_modified),
    ]
    return all(a == b or not a or not b for a, b in pairs)


def _promise_of(response: requests.Response, url: str, total: int | None) -> _Promise:
    etag = response.headers.get("ETag", "")
    return _Promise(
        url=url,
        total=total,
        etag="" if etag.startswith("W/") else etag,  # a weak one does not vouch for bytes
        last_modified=response.headers.get("Last-Modified", ""),
    )


def _length(response: requests.Response) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdigit() else None


def _explain(error: requests.RequestException, url: str) -> _TryAgainError | _GiveUpError:
    host = urlsplit(url).hostname
    text = str(error)
    if isinstance(error, requests.exceptions.SSLError):
        found = re.search(r"certificate verify failed: ([^(]+)", text)
        if found is None:
            return _TryAgainError(f"no secure connection to {host}")
        return _GiveUpError(
            f"the certificate of {host} is not accepted ({found[1].strip(' .')}); "
            "--no-check-certificate goes on without a check, at your own risk"
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return _GiveUpError(
            f"the proxy does not connect to {host}; look at the variables HTTPS_PROXY, "
            "HTTP_PROXY and NO_PROXY"
        )
    if isinstance(error, requests.Timeout):
        return _TryAgainError(f"{host} did not answer in time")
    if "resolve" in text or "Name or service not known" in text:
        return _TryAgainError(f"the name {host} is not found; is there a network connection?")
    return _TryAgainError(f"no connection to {host}")


def _check_signature(path: Path) -> None:
    signature = _SIGNATURES.get(Path(path.stem).suffix)
    with path.open("rb") as file:
        start = file.read(16)
    if signature is not None and not start.startswith(signature):
        kind = "a web page" if start.lstrip()[:1] == b"<" else "something else"
        raise _GiveUpError(
            f"the server sent {kind}, no {Path(path.stem).suffix[1:].upper()} archive"
        )


def _check_hash(path: Path, digest: str) -> None:
    if not digest:
        return
    algorithm, _, wanted = digest.partition(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if found != wanted.lower():
        raise _GiveUpError(
            f"its {algorithm} is {found}, but must be {wanted.lower()}: it is damaged or another "
            "file"
        )


def _bytes_in(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0


def _promise_file(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _read_promise(part: Path) -> _Promise | None:
    try:
        values: Any = read_json(_promise_file(part))
        return _Promise(**values)
    except (OSError, ValueError, TypeError):
        return None


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _promise_file(part).unlink(missing_ok=True)
