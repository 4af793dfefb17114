"""The official facts of clips: by file name, and as read from downloaded lists."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from importlib import resources
from pathlib import Path

import pytest

from action_recognition.actions import ACTIONS
from action_recognition.datasets.official import film_of, find_official, packaged_hmdb51, read_lists
from action_recognition.errors import DataError


def packaged_list() -> list[dict[str, str]]:
    lists = resources.files("action_recognition.datasets") / "hmdb51_splits.csv"
    with lists.open("r", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# -- official lists ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "splits"),
    [
        (1, ("test", "train", "train")),
        (7, ("test", "train", "train")),
        (8, ("train", "test", "train")),
        (14, ("train", "test", "train")),
        (15, ("train", "train", "test")),
        (21, ("train", "train", "test")),
        (22, ("train", "train", "train")),
        (25, ("train", "train", "train")),
    ],
)
def test_ucf101_side_follows_the_group(group: int, splits: tuple[str, str, str]) -> None:
    official = find_official(f"v_IceDancing_g{group:02d}_c03")
    assert official is not None
    assert official.splits == splits
    assert (official.dataset, official.original_class) == ("UCF101", "IceDancing")
    assert official.group == f"IceDancing/g{group:02d}"


@pytest.mark.parametrize(
    "stem", ["kitchen", "v_IceDancing_g1_c03", "v_IceDancing_g01_c03_copy", "xv_IceDancing_g01_c03"]
)
def test_other_names_are_not_official(stem: str) -> None:
    assert find_official(stem) is None


def test_hmdb51_has_70_train_and_30_test_clips_a_class_in_each_split() -> None:
    count: Counter[tuple[str, str, int]] = Counter()
    for row in packaged_list():
        official = find_official(row["stem"])
        assert official is not None
        assert official.dataset == "HMDB51"
        for k, side in enumerate(official.splits):
            count[official.original_class, str(side), k] += 1
    classes = {cls for cls, _, _ in count}
    assert len(classes) == 51
    assert {a.original_class for a in ACTIONS if a.dataset == "HMDB51"} <= classes
    for cls in classes:
        for k in range(3):
            assert (count[cls, "train", k], count[cls, "test", k]) == (70, 30), (cls, k + 1)


def test_hmdb51_keeps_sources_apart_within_a_class_but_not_across_classes() -> None:
    """Why films are resolved at all; within a class the official lists do it themselves."""
    sides: dict[str, set[str]] = defaultdict(set)
    for row in packaged_list():
        official = find_official(row["stem"])
        assert official is not None
        if official.splits[0] is not None:
            sides[official.group].add(official.splits[0])
    assert sides["iamlegend"] == {"train", "test"}
    assert sum(len(s) == 2 for s in sides.values()) > 50


def test_hmdb51_source_is_free_of_the_name_of_the_class() -> None:
    tail = re.compile(r"_[fhul]_[cn]m_np\d_")
    for row in packaged_list():
        official = find_official(row["stem"])
        assert official is not None
        assert official.original_class == row["class"]
        assert not tail.search(official.group)
        assert official.group


def test_every_line_of_the_official_ucf101_lists(shared_dir: Path) -> None:
    seen: list[Counter[str]] = []
    for k in (1, 2, 3):
        count: Counter[str] = Counter()
        for side in ("train", "test"):
            lines = (shared_dir / f"splits/ucf101/{side}list0{k}.txt").read_text().split("\n")
            for line in filter(None, lines):
                official = find_official(Path(line.split()[0]).stem)
                assert official is not None, line
                assert official.splits[k - 1] == side, line
                count[side] += 1
        seen.append(count)
    assert [(c["train"], c["test"]) for c in seen] == [(9537, 3783), (9586, 3734), (9624, 3696)]


def test_every_line_of_the_official_hmdb51_lists(shared_dir: Path) -> None:
    meaning = {"0": None, "1": "train", "2": "test"}
    files = sorted((shared_dir / "splits/hmdb51").glob("*_test_split[123].txt"))
    lines = 0
    for file in files:
        cls, k = file.stem[: -len("_test_split1")], int(file.stem[-1])
        for line in filter(str.strip, file.read_text().split("\n")):
            name, digit = line.split()
            official = find_official(Path(name).stem)
            assert official is not None, line
            assert (official.original_class, official.splits[k - 1]) == (cls, meaning[digit]), line
            lines += 1
    assert (len(files), lines) == (3 * 51, 3 * 6766)
    assert len(packaged_list()) == 6766


def test_groups_are_those_of_the_clips_at_hand(shared_dir: Path) -> None:
    with (shared_dir / "clips.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 2000
    for row in rows:
        official = find_official(Path(row["path"]).stem)
        assert official is not None
        assert (official.dataset, official.splits[0]) == (row["dataset"], row["split1"])
        assert official.original_class == row["original_class"]
        source = row["group"]
        assert official.group == (source if row["dataset"] == "UCF101" else film_of(source))


# -- films ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "film"),
    [
        ("Hitch_Part_1", "hitch"),
        ("Hitch_Part_2", "hitch"),
        ("Two_Towers_3", "two_towers"),
        ("The_Matrix_Revolutions_6", "the_matrix_revolutions"),
        ("Behinderten_Sport_part_2", "behinderten_sport"),
        ("Amazing_Soccer_#2", "amazing_soccer"),
        ("Clip_(3)", "clip"),
        ("IamLegend", "iamlegend"),
        ("IamLegendII", "iamlegend"),
        ("Workout_Part_I", "workout"),
        ("Splashdiving_II", "splashdiving"),
        ("CastAway1", "castaway"),
        ("CastAway2", "castaway"),
        ("21", "21"),
        ("Oceans11", "oceans11"),
        ("300_2", "300"),
        ("TV_XII", "tv_xii"),
        ("SHAOLIN_VIII", "shaolin_viii"),
    ],
)
def test_film_of(source: str, film: str) -> None:
    assert film_of(source) == film
    assert film_of(film_of(source)) == film


# -- downloaded lists ----------------------------------------------------------------------


def test_sources_of_a_class_stand_on_one_side() -> None:
    for k in range(3):
        sides: dict[str, set[str | None]] = defaultdict(set)
        for clip in packaged_hmdb51().values():
            if clip.splits[k] is not None:
                sides[clip.source].add(clip.splits[k])
        assert all(len(s) == 1 for s in sides.values())


@pytest.mark.slow
def test_real_lists_say_what_the_package_says(shared_dir: Path) -> None:
    ucf101 = read_lists(shared_dir / "splits" / "ucf101")
    assert len(ucf101) == 13_320
    assert all(find_official(stem) == clip for stem, clip in ucf101.items())
    hmdb51 = read_lists(shared_dir / "splits" / "hmdb51")
    assert hmdb51 == packaged_hmdb51()


def write_lists(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.txt").write_bytes(text.encode())
    return folder


def test_lists_in_the_official_formats(tmp_path: Path) -> None:
    folder = write_lists(
        tmp_path,
        classInd="1 Archery\r\n2 IceDancing\r\n",
        trainlist01="IceDancing/v_IceDancing_g01_c01.avi 2\r\n",
        testlist02="IceDancing/v_IceDancing_g01_c01.avi\r\n",
        drink_test_split1="Film_1_drink_h_nm_np1_fr_goo_0.avi 2 \n"
        "b_drink_u_cm_np1_le_bad_1.avi 0 \n",
        drink_test_split3="Film_1_drink_h_nm_np1_fr_goo_0.avi 1 \n",
        readme="nothing to see\n",
    )
    lists = read_lists(folder)
    assert len(lists) == 3
    dancing = lists["v_IceDancing_g01_c01"]
    assert dancing.splits == ("train", "test", None)  # another split than the published one
    assert find_official("v_IceDancing_g01_c01", lists) is dancing
    assert find_official("v_IceDancing_g01_c02", lists).splits[0] == "test"  # type: ignore[union-attr]
    drink = lists["Film_1_drink_h_nm_np1_fr_goo_0"]
    assert (drink.dataset, drink.original_class) == ("HMDB51", "drink")
    assert (drink.source, drink.group) == ("drink/Film_1", "film")
    assert drink.splits == ("test", None, "train")
    assert lists["b_drink_u_cm_np1_le_bad_1"].splits == (None, None, None)


def test_no_lists(tmp_path: Path) -> None:
    assert read_lists(tmp_path) == {}
    assert read_lists(tmp_path / "nowhere") == {}


GOOD = "A/v_A_g01_c01.avi"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("trainlist01", f"{GOOD} 2\n"),  # class 2 is B
        ("trainlist01", f"{GOOD} 0\n"),
        ("trainlist01", f"{GOOD}\n"),
        ("trainlist01", f"{GOOD} A\n"),
        ("trainlist01", "A/kitchen.avi 1\n"),
        ("testlist01", "v_A_g01_c01.avi\n"),
        ("drink_test_split1", "a_drink_h_nm_np1_fr_goo_0.avi 3\n"),
        ("drink_test_split1", "a_drink_h_nm_np1_fr_goo_0.avi\n"),
        ("drink_test_split1", "a_drink_h_nm_np1_fr_goo_0.mp4 1\n"),
    ],
)
def test_a_line_of_another_form(tmp_path: Path, name: str, text: str) -> None:
    good = "b_drink_u_cm_np1_le_bad_1.avi 0" if "drink" in name else "A/v_A_g01_c02.avi 1"
    write_lists(tmp_path, classInd="1 A\n2 B\n", **{name: f"{good}\n\n{text}"})
    with pytest.raises(DataError, match=rf"^{name}\.txt, line 3: .* is no line of a split list"):
        read_lists(tmp_path)


def test_lists_that_contradict_each_other(tmp_path: Path) -> None:
    write_lists(tmp_path, trainlist01=f"{GOOD} 1\n", testlist01=f"{GOOD}\n")
    with pytest.raises(DataError, match=r"^trainlist01\.txt, line 1: v_A_g01_c01 .* twice"):
        read_lists(tmp_path)


def test_a_clip_of_two_classes(tmp_path: Path) -> None:
    clip = "b_drink_u_cm_np1_le_bad_1.avi"
    write_lists(tmp_path, drink_test_split1=f"{clip} 1\n", eat_test_split2=f"{clip} 1\n")
    with pytest.raises(DataError, match=r"^eat_test_split2\.txt, line 1: b_drink.* twice"):
        read_lists(tmp_path)


@pytest.mark.parametrize("text", ["A\n", "one A\n", "1\n", "1 A\n1 B\n"])
def test_a_wrong_class_list(tmp_path: Path, text: str) -> None:
    write_lists(tmp_path, classInd=f"9 Z\n\n{text}")
    line = 2 + len(text.splitlines())
    with pytest.raises(DataError, match=rf"^classInd\.txt, line {line}: .* is no line of a class"):
        read_lists(tmp_path)
