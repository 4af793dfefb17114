"""The index: what was found in each video, kept in one SQLite file for the next search.

Several programs may use it at once. It only saves time: where it cannot be read or written, one
sentence says so, and everything is looked at again.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from action_recognition.datasets.kept_probes import cache_folder
from action_recognition.errors import UsageError, one_line
from action_recognition.files import make_folder

_APPLICATION = 0x41526358  # "ARcX" in the header of the file
_SCHEMA = 1
_WAIT_S = 10.0  # for another program that writes
_TABLES = """
CREATE TABLE videos (
    place BLOB NOT NULL, asked TEXT NOT NULL, state TEXT NOT NULL, found TEXT NOT NULL,
    PRIMARY KEY (place, asked)
) WITHOUT ROWID;
CREATE TABLE models (digest TEXT PRIMARY KEY, classes TEXT NOT NULL) WITHOUT ROWID;
"""


def index_file() -> Path:
    """Where the index is unless asked otherwise: in the cache folder of this program."""
    return cache_folder() / "search.sqlite"


class Index:
    """An open index; use it in a `with` statement. Safe to share between threads.

    Parameters:
        path: its file; None: `index_file()`. It is made where there is none.
        warn: takes the sentence that says what is wrong with it.

    Raises:
        UsageError: a file that was named is there, and is no index of this program.
    """

    def __init__(self, path: Path | None = None, *, warn: Callable[[str], None]) -> None:
        self.path = index_file() if path is None else path
        self._named, self._warn = path is not None, warn
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        try:
            self._connect()
        except (OSError, sqlite3.Error) as error:
            self._troubled(error)

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes its file."""
        with self._lock:
            if self._connection is not None:
                with suppress(sqlite3.Error):
                    self._connection.close()
                self._connection = None

    def get(self, place: bytes, asked: str, state: str) -> Any:
        """What is kept of a video in a state, as `put` took it; None: nothing.

        Parameters:
            place: where the video is.
            asked: what was asked of it: the model, and how it was used.
            state: changes when the video does.
        """
        query = "SELECT found FROM videos WHERE place = ? AND asked = ? AND state = ?"
        return self._value(query, (place, asked, state))

    def put(self, place: bytes, asked: str, state: str, found: Any) -> None:
        """Keeps what was found, plain values for JSON, instead of what was kept before."""
        text = json.dumps(found)
        self._run("REPLACE INTO videos VALUES (?, ?, ?, ?)", (place, asked, state, text))

    def classes(self, digest: str) -> tuple[str, ...] | None:
        """The names that a model knows, if they are kept."""
        names = self._value("SELECT classes FROM models WHERE digest = ?", (digest,))
        return None if names is None else tuple(map(str, names))

    def keep_classes(self, digest: str, classes: tuple[str, ...]) -> None:
        """Keeps the names that a model knows."""
        self._run("REPLACE INTO models VALUES (?, ?)", (digest, json.dumps(classes)))

    def _value(self, query: str, arguments: tuple[object, ...]) -> Any:
        rows = self._run(query, arguments)
        try:
            return json.loads(rows[0][0]) if rows else None
        except (ValueError, TypeError):
            return None

    def _run(self, query: str, arguments: tuple[object, ...]) -> list[Any]:
        with self._lock:
            if self._connection is None:
                return []
            try:
                return self._connection.execute(query, arguments).fetchall()
            except sqlite3.Error as error:
                self._troubled(error)
                return []

    def _connect(self) -> None:
        make_folder(self.path.parent)
        if not self.path.exists():
            self.path.touch(mode=0o600)  # names of files are nobody else's business
        connection = sqlite3.connect(
            self.path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        ((application,),) = connection.execute("PRAGMA application_id").fetchall()
        ((version,),) = connection.execute("PRAGMA user_version").fetchall()
        ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        if application != _APPLICATION and (tables or application):
            raise sqlite3.DatabaseError("it belongs to another program")
        if tables and version != _SCHEMA:
            raise sqlite3.DatabaseError("it is of another version of this program")
        if not tables:
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {_SCHEMA}")
            for statement in filter(str.strip, _TABLES.split(";")):
                connection.execute(statement)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    def _troubled(self, error: Exception) -> None:
        """Says what is wrong; a damaged file is set aside, and a new one begun."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        reason = one_line(str(getattr(error, "strerror", None) or error))
        if isinstance(error, OSError | sqlite3.OperationalError):
            self._warn(one_line(f"{self.path}: the index cannot be used ({reason})"))
            return
        if self._named and not self._is_ours():
            raise UsageError(f"{self.path}: it is no index of this program ({reason})")
        aside = self.path.with_name(f"{self.path.name}.damaged")
        try:
            self.path.replace(aside)
            for ending in ("-wal", "-shm"):
                self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
            self._connect()
        except (OSError, sqlite3.Error) as again:
            self._warn(one_line(f"{self.path}: the index cannot be used ({again})"))
            return
        self._warn(
            one_line(
                f"{self.path}: the index could not be read ({reason}); "
                f"it is begun anew, the old one is now {aside.name}"
            )
        )

    def _is_ours(self) -> bool:
        """Whether the header of the file has our mark, whatever follows."""
        with suppress(OSError), self.path.open("rb") as file:
            return file.read(72)[68:] == _APPLICATION.to_bytes(4, "big")
        return False
