"""Unused clips of HMDB51 that stand in for damaged ones at `prepare`: never at the price of a leak.

Which files are damaged is said here, nothing is decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from action_recognition.datasets import prepare as prepare_module
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.datasets.official import find_official, read_lists
from action_recognition.datasets.prepare import Choice, Films, prepare
from action_recognition.datasets.probe import Probe
from action_recognition.datasets.splits import SPLITS
from dataset_maker import HMDB51, hmdb51_stems, write_folders

Damage = Callable[[set[str]], None]


@pytest.fixture
def damage(monkeypatch: pytest.MonkeyPatch) -> Damage:
    """`damage(stems)` makes the files of these names fail."""

    def choose(stems: set[str]) -> None:
        def look(paths: Sequence[Path], **_: object) -> list[Probe]:
            return [Probe(1.0, "damaged" if p.stem in stems else "") for p in paths]

        monkeypatch.setattr(prepare_module, "probe", look)

    return choose


def used(manifest: Manifest) -> list[Clip]:
    return [c for c in manifest.clips if c.split in SPLITS]


# -- the real names ------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("films", "per_class"), [("official", 100), ("official", 80), ("strict", 80)]
)
def test_stand_ins_never_share_a_film_with_another_side(
    tmp_path: Path, damage: Damage, films: Films, per_class: int
) -> None:
    """So many are damaged that unused clips step in as far as they go, on both sides.

    Guards against taking a film that is in both sides for one of test only.
    """
    videos = write_folders(tmp_path / "videos", b"")
    damaged = {s for cls in HMDB51 for s in sorted(hmdb51_stems()[cls])[::4]}
    damage(damaged)
    manifest = prepare(
        videos, tmp_path / "clips", Choice(classes=HMDB51, clips_per_class=per_class, films=films)
    )
    assert manifest.refused
    assert not {c.path.stem for c in used(manifest)} & damaged
    facts = {c.path.stem: find_official(c.path.stem) for c in used(manifest)}
    sides: dict[str, set[str]] = {}
    for c in used(manifest):
        film = facts[c.path.stem].group  # type: ignore[union-attr]
        sides.setdefault(film, set()).add("test" if c.split == "test" else "train")
    stand_ins = [c for c in used(manifest) if facts[c.path.stem].splits[0] is None]  # type: ignore[union-attr]
    assert {c.split for c in stand_ins} >= {"train", "test"}
    for c in stand_ins:
        film = facts[c.path.stem].group  # type: ignore[union-attr]
        assert len(sides[film]) == 1, c
    if films == "strict":
        assert all(len(s) == 1 for s in sides.values())


# -- a few names ---------------------------------------------------------------------------


def name(film: str, cls: str) -> str:
    return f"{film}_{cls}_f_cm_np1_fr_med_0"


def prepare_few(root: Path, **classes: dict[str, int]) -> Manifest:
    """Classes of films, with one clip each: 0 unused, 1 train, 2 test."""
    lists = root / "lists"
    lists.mkdir()
    for cls, films in classes.items():
        (root / "videos" / cls).mkdir(parents=True)
        for film in films:
            (root / "videos" / cls / f"{name(film, cls)}.avi").touch()
        rows = [f"{name(film, cls)}.avi {side} \n" for film, side in films.items()]
        (lists / f"{cls}_test_split1.txt").write_text("".join(rows))
    return prepare(
        [root / "videos"],
        root / "clips",
        Choice(classes=list(classes), clips_per_class=4),
        lists=read_lists(lists),
    )


def fate(manifest: Manifest, film: str, cls: str) -> str:
    (row,) = [c for c in manifest.refused if c.path.stem == name(film, cls)]
    return row.reason.partition("; ")[2]


NO_CLIP = "no clip is left to replace it"


def test_one_of_the_same_film_goes_before(tmp_path: Path, damage: Damage) -> None:
    damage({name("Zorro_2", "hit")})
    films = {"Alien": 1, "Brazil": 1, "Zorro_2": 1, "Test": 2, "Ghost": 0, "Zorro_1": 0}
    manifest = prepare_few(tmp_path, hit=films)
    assert fate(manifest, "Zorro_2", "hit") == f"replaced by {name('Zorro_1', 'hit')}.avi"


def test_a_film_that_may_yet_come_into_test_stays_out_of_train(
    tmp_path: Path, damage: Damage
) -> None:
    """Ghost is a spare test clip of another class, where it comes in for a damaged one."""
    damage({name("Brazil", "hit"), name("Arsenal", "talk")})
    manifest = prepare_few(
        tmp_path,
        hit={"Alien": 1, "Brazil": 1, "Casablanca": 1, "Test": 2, "Ghost": 0},
        talk={"Dune": 1, "Eraserhead": 1, "Fargo": 1, "Arsenal": 2, "Ghost": 2},
    )
    assert fate(manifest, "Arsenal", "talk") == f"replaced by {name('Ghost', 'talk')}.avi"
    assert fate(manifest, "Brazil", "hit") == NO_CLIP


def test_a_film_that_stepped_into_train_stays_out_of_test(tmp_path: Path, damage: Damage) -> None:
    damage({name("Brazil", "hit"), name("Arsenal", "talk")})
    manifest = prepare_few(
        tmp_path,
        hit={"Alien": 1, "Brazil": 1, "Casablanca": 1, "Test": 2, "Ghost_1": 0},
        talk={"Dune": 1, "Eraserhead": 1, "Fargo": 1, "Arsenal": 2, "Ghost_2": 0},
    )
    assert fate(manifest, "Brazil", "hit") == f"replaced by {name('Ghost_1', 'hit')}.avi"
    assert fate(manifest, "Arsenal", "talk") == NO_CLIP
