"""Manifests and lists of clips that a stranger could send: damaged and hostile ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from action_recognition.datasets.annotation_lists import read_annotations
from action_recognition.datasets.manifest_csv import read_list, read_manifest
from action_recognition.errors import ActionRecognitionError

_MANIFEST = (
    "path,label,dataset,original_class,group,split,duration_s,reason",
    "a/one.avi,Jumping,UCF101,JumpingJack,g1,train,2.5,",
    "a/two.avi,Reading,own,Reading,g2,val,3,",
    "b/three.avi,Jumping,UCF101,JumpingJack,g3,test,1.5,",
)
_LIST = (
    "path,label,split,group,start,end",
    "a/one.avi,Jumping,train,g1,0,2",
    "b/two.avi,Reading,test,g2,3,5",
)
_KINETICS = (
    "label,youtube_id,time_start,time_end,split",
    "jumping,abcdefghijk,1,11,train",
    "reading,bcdefghijkl,2,12,test",
)
_FIELDS = (
    b"", b" ", b"1e999", b"-1e999", b"nan", b"inf", b"1e300", "१२".encode(), b"9" * 5000, b"\0",
    b"\xff\xfe", b'"', b'""', b"a\nb", b"/etc/passwd", b"../../../../etc/passwd", b"/dev/zero",
    b"/proc/self/mem", b"C:\\x\\y.avi", b"\\\\server\\x", b"x" * 140_000, b"=cmd|' /C calc'!A0",
    "e\u0301\u202e".encode(), b"train", b"test", b";;;;", b"\r", b"x/" * 3000, b"~root/x",
)  # fmt: skip


def mutants(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """The name of the change, and the bytes of the whole file."""
    for k in range(count):
        rng = random.Random(seed * 1_000_003 + k)
        rows = [line.encode().split(b",") for line in rng.choice([_MANIFEST, _LIST, _KINETICS])]
        change = rng.choice([_field, _field, _column, _bytes, _long, _encoded])
        yield change.__name__.strip("_"), change(rng, rows)


def check(path: Path) -> str:
    """Reads it as a manifest, as a list of clips and as an annotation list."""
    said = []
    for read in (read_manifest, read_list, lambda p: read_annotations([p])):
        try:
            read(path)
            said.append("accepted")
        except ActionRecognitionError as error:
            if "\n" in str(error) or path.name not in str(error):
                raise ValueError(f"no sentence that names the file: {error}") from error
            said.append(str(error))
    return "accepted" if "accepted" in said[:2] else said[0]  # the third passes others over


def _joined(rows: list[list[bytes]]) -> bytes:
    return b"\n".join(b",".join(row) for row in rows) + b"\n"


def _field(rng: random.Random, rows: list[list[bytes]]) -> bytes:
    row = rng.choice(rows)
    row[rng.randrange(len(row))] = rng.choice(_FIELDS)
    return _joined(rows)


def _column(rng: random.Random, rows: list[list[bytes]]) -> bytes:
    k = rng.randrange(len(rows[0]))
    if rng.random() < 0.5:
        rows[0].pop(k)
    else:
        rows[0][k] = rng.choice(rows[0])
    return _joined(rows)


def _bytes(rng: random.Random, rows: list[list[bytes]]) -> bytes:
    data = bytearray(_joined(rows))
    for _ in range(rng.choice([1, 3, 30])):
        data[rng.randrange(len(data))] = rng.choice(
            [0, 10, 13, 34, 44, 59, 255, rng.randrange(256)]
        )
    return bytes(data[: rng.choice([len(data), rng.randrange(len(data))])])


def _long(rng: random.Random, rows: list[list[bytes]]) -> bytes:
    """A line, a row, a table or a field without end."""
    piece = rng.choice(
        [b"x", b",", b'"', b'"\n",', b"\n", b"\r", b"\0", b"a,b\n", b"\xf0\x9f\x98\x80"]
    )
    return _joined(rows) + piece * (rng.choice([10**4, 10**6]) // len(piece))


def _encoded(rng: random.Random, rows: list[list[bytes]]) -> bytes:
    text = _joined(rows).decode("utf-8", "replace")
    data = text.encode(rng.choice(["utf-16", "utf-8-sig", "utf-32", "utf-16-be", "cp037"]))
    return data[: rng.choice([len(data), len(data) - 1, rng.randrange(len(data))])]
