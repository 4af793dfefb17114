"""Which videos and pieces are looked at in which round."""

from __future__ import annotations

import pytest

pytest.importorskip("pyarrow", reason="the extra scale is not installed")

from action_recognition.batch.films import Films, Row
from action_recognition.batch.sources import SourceFile


def films_of(*names: str) -> Films:
    return Films({name: SourceFile(f"/{name}", "", f"/{name}", 1, 0) for name in names})


def places(films: Films) -> list[tuple[str, int]]:
    return [(row["key"], row["number"]) for row in films.to_do()]


def piece(row: Row, number: int, of: int, **more: object) -> Row:
    return {**row, "number": number, "of": of, **more}


def test_pieces_of_a_long_video_are_the_next_round() -> None:
    films = films_of("long", "short")
    long, short = films.to_do()
    assert films.take({**short, "of": 1, "answered": True})
    for number in range(3):
        assert films.take(piece(long, number, 3)) is None
    assert places(films) == [("long", 0), ("long", 1), ("long", 2), ("short", 0)]
    assert films.take(piece(long, 2, 3, answered=True)) is None
    assert films.take(piece(long, 0, 3, answered=True)) is None
    assert places(films)[:-1] == [("long", 1)]  # which was lost
    found = films.take(piece(long, 1, 3, answered=True))
    assert found is not None
    assert [row["number"] for row in found] == [0, 1, 2]


def test_a_video_of_which_a_piece_is_never_reached_is_given_up() -> None:
    films = films_of("long")
    rounds = 0
    while to_do := list(films.to_do()):
        rounds += 1
        for row in to_do:
            if not row["of"]:
                for number in range(2):
                    films.take(piece(row, number, 2))
            else:
                unread = row["number"] == 1
                films.take({**row, "answered": True, "unread": unread})
    assert rounds == 4  # split, looked at; split, looked at


def test_a_video_that_cannot_be_reached_once_is_looked_at_whole() -> None:
    films = films_of("long")
    (row,) = films.to_do()
    lost = films.take({**row, "of": 1, "answered": True, "unread": True})
    assert lost is not None
    assert places(films) == [("long", 0)]
    assert films.take({**row, "of": 1, "answered": True})
