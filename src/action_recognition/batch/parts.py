"""The table of a batch: a folder of Parquet files, each of them whole or not there at all."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
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
        keys: set[str] = set()
        try:
            for info in self._store.get_file_info(fs.FileSelector(self._folder)):
                name = PurePosixPath(info.path).name
                if name.startswith("part-") and name.endswith(".parquet"):
                    dataset = pyarrow.dataset.dataset(
                        info.path, filesystem=self._store, format="parquet"
                    )
                    for batch in dataset.to_batches(columns=["key"]):
                        keys.update(batch.column("key").to_pylist())
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{self.output}: a part cannot be read ({_why(error)})") from None
        return keys

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Adds one part; its name follows from the keys of its rows.

        Raises:
            DataError: it cannot be written.
        """
        keys = sorted({row["key"] for row in rows})
        digest = hashlib.sha256("".join(keys).encode()).hexdigest()[:32]
        path = f"{self._folder}/part-{digest}.parquet"
        # An object appears when it is complete; a file must be renamed for that.
        target = f"{self._folder}/_{digest}.tmp" if self._local else path
        try:
            with self._store.open_output_stream(target) as stream:
                pq.write_table(pa.Table.from_pylist(list(rows), SCHEMA), stream)
            if self._local:
                self._store.move(target, path)
        except OSError as error:
            raise DataError(f"{self.output}: it cannot be written ({_why(error)})") from None


def _why(error: Exception) -> str:
    return str(error).splitlines()[0]
