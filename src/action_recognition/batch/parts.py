"""The table of a batch: a folder of Parquet files, each of them whole or not there at all."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq
from pyarrow import fs

from action_recognition.batch.stores import locate, open_store
from action_recognition.errors import DataError

SCHEMA = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("mtime", pa.timestamp("ns", tz="UTC"), nullable=False),
        pa.field("start_s", pa.float64()),
        pa.field("end_s", pa.float64()),
        pa.field("action", pa.string()),
        pa.field("nearest_action", pa.string()),
        pa.field("probability", pa.float64()),
        pa.field("known_probability", pa.float64()),
        pa.field("model", pa.string(), nullable=False),
        pa.field("step_s", pa.float64(), nullable=False),
        pa.field("dwell_s", pa.float64(), nullable=False),
        pa.field("error", pa.string()),
        pa.field("key", pa.string(), nullable=False),
    ]
)


class Parts:
    """The part files below one folder, which is made if it is not there.

    Parameters:
        output: folder of this machine, or URL of an object store.

    Raises:
        DataError: the folder cannot be made.
        UsageError: the URL makes no sense.
    """

    def __init__(self, output: str) -> None:
        self.output = output
        root, self._folder = locate(output)
        self._store, self._local = open_store(root), not root
        try:
            self._store.create_dir(self._folder, recursive=True)
        except OSError as error:
            raise DataError(f"{output}: it cannot be made ({_why(error)})") from None

    def done(self) -> set[str]:
        """The keys of all videos that have their rows.

        Raises:
            DataError: a part file cannot be read.
        """
        return self._keys(None)

    def failed(self) -> set[str]:
        """The keys of all videos that have a row with an error; see `done`."""
        return self._keys(pc.is_valid(pc.field("error")))

    def drop(self, keys: Collection[str]) -> None:
        """Takes out all rows of some videos, which then count as not done.

        Each part is replaced as a whole: a batch that is killed meanwhile leaves no row twice.

        Raises:
            DataError: a part cannot be read or written.
        """
        if not keys:
            return
        gone = pc.is_in(pc.field("key"), pa.array(sorted(keys)))
        for path in self._paths():
            try:
                rows = self._open(path).to_table()
                kept = rows.filter(~gone)
                if len(kept) == len(rows):
                    continue
                if len(kept):
                    self._put(kept, path)  # under the old name, which no other part can get
                else:
                    self._store.delete_file(path)
            except (OSError, pa.ArrowException) as error:
                raise DataError(f"{path}: it cannot be written ({_why(error)})") from None

    def _keys(self, condition: pc.Expression | None) -> set[str]:
        keys: set[str] = set()
        try:
            for path in self._paths():
                for batch in self._open(path).to_batches(columns=["key"], filter=condition):
                    keys.update(batch.column("key").to_pylist())
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{self.output}: a part cannot be read ({_why(error)})") from None
        return keys

    def _paths(self) -> list[str]:
        infos = self._store.get_file_info(fs.FileSelector(self._folder))
        names = ((info.path, PurePosixPath(info.path).name) for info in infos)
        return [p for p, name in names if name.startswith("part-") and name.endswith(".parquet")]

    def _open(self, path: str) -> pyarrow.dataset.Dataset:
        return pyarrow.dataset.dataset(path, filesystem=self._store, format="parquet")

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Adds one part; its name follows from the keys of its rows.

        Raises:
            DataError: it cannot be written.
        """
        keys = sorted({row["key"] for row in rows})
        digest = hashlib.sha256("".join(keys).encode()).hexdigest()[:32]
        table = pa.Table.from_pylist(list(rows), SCHEMA)
        try:
            self._put(table, f"{self._folder}/part-{digest}.parquet")
        except OSError as error:
            raise DataError(f"{self.output}: it cannot be written ({_why(error)})") from None

    def _put(self, table: pa.Table, path: str) -> None:
        # An object appears when it is complete; a file must be renamed for that.
        folder, _, name = path.rpartition("/")
        target = f"{folder}/_{name}.tmp" if self._local else path
        with self._store.open_output_stream(target) as stream:
            pq.write_table(table, stream)
        if self._local:
            self._store.move(target, path)


def _why(error: Exception) -> str:
    return str(error).splitlines()[0]
