"""What is kept of the videos in the operator's folder, in the index that `find` uses, too.

Uploads are never kept.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path, PurePath
from typing import Any

from action_recognition.dashboard.batch import Found, Row
from action_recognition.datasets.kept_probes import key_of
from action_recognition.errors import ActionRecognitionError
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.results import FILM_S
from action_recognition.recognition.segmentation import Segment
from action_recognition.search import Index, Place, Search

_RULES = 1  # raised when rows are made otherwise
_log = logging.getLogger(__name__)


class KeptResults:
    """Results of one model.

    Parameters:
        model: its file.
        recognizer: the model itself.
    """

    def __init__(self, model: Path, recognizer: Recognizer) -> None:
        self._recognizer = recognizer
        self._index: Index | None = None
        self._search: Search | None = None
        try:
            self._index = Index(warn=_log.warning)
            self._search = Search(model, index=self._index, recognizer=recognizer)
        except ActionRecognitionError as error:  # visitors get their answers all the same
            _log.warning("nothing is kept: %s", error)

    def get(self, path: Path) -> Found | None:
        """What is known of a file as it is now; None: it is to be looked at."""
        state = key_of(path)
        if self._index is None or self._search is None or state is None:
            return None
        return _from_json(self._index.get(_place(path).key, self._asked, state))

    def put(self, path: Path, found: Found) -> None:
        """Keeps what was found in a file; errors are not kept."""
        state = key_of(path)
        if self._index is None or self._search is None or state is None or found.error is not None:
            return
        rows = [asdict(row) for row in found.rows]
        self._index.put(_place(path).key, self._asked, state, rows)

    def segments(self, path: Path, on_progress: Callable[[float, float], None]) -> list[Segment]:
        """The segments of a long film, which `find` may have found already.

        Raises:
            VideoError: it cannot be read.
        """
        if self._search is None:
            return list(self._recognizer.timeline(path, on_progress=on_progress))
        return list(self._search.segments(_place(path), on_progress))

    def close(self) -> None:
        """Closes the index."""
        if self._index is not None:
            self._index.close()

    @property
    def _asked(self) -> str:
        return f"page-{_RULES}-{FILM_S:g}-{'' if self._search is None else self._search.digest}"


def _place(path: Path) -> Place:
    return Place(path, PurePath(path.name), 0)


def _from_json(kept: Any) -> Found | None:
    try:
        return Found(tuple(Row(**{**row, "segment": Segment(**row["segment"])}) for row in kept))
    except (TypeError, KeyError):
        return None
