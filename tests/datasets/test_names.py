"""Clips of UCF101 and HMDB51 under longer names, and names that only look alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from action_recognition.datasets.names import find_original
from action_recognition.datasets.official import find_official, packaged_hmdb51, read_lists

UCF101 = ["v_BabyCrawling_g10_c01", "v_HandStandPushups_g03_c02", "v_YoYo_g25_c04"]
HMDB51 = [
    "50_FIRST_DATES_fall_floor_f_cm_np1_fr_med_14",
    "Goalkeeper_Training_Day_#_2_catch_f_cm_np1_ba_bad_3",
    "21_walk_u_cm_np1_fr_bad_3",
]

RENAMED = [
    "{}", "{}_flip", "{} (1)", "{} - Copy", "{}_320x240", "{}_aug3", "{}-mirror", "{}.avi",
    "{}flip", "train_{}", "aug_{}", "00012_{}", "test-{}", "copy of {}", "train_{}_flip (2)",
]  # fmt: skip


@pytest.mark.parametrize("renamed", RENAMED)
@pytest.mark.parametrize("stem", [*UCF101, *HMDB51])
def test_a_copy_is_known_by_its_name(stem: str, renamed: str) -> None:
    original = find_official(stem)
    assert original is not None
    name = renamed.format(stem)
    for written in (name, name.lower(), name.upper(), name.replace("_", " ")):
        found = find_original(written)
        assert found is not None, written
        assert (found.group, found.splits) == (original.group, original.splits), written


@pytest.mark.parametrize(
    "stem",
    [
        "kitchen",
        "xv_Archery_g01_c03",
        "love_Archery_g08_c01",
        "v_Archery_g01_c031",
        "v_Archery_g012_c03",
        "v_Archery_g1_c03",
        "v_Archery_g01",
        "Archery_g01_c03",
        "v_Juggling_g01_c03_flip",
        "my_v_sign_g01_c03",
        "walk_u_cm_np1_fr_bad_3",
        "my_walk_u_cm_np1_fr_bad_3",
        "121_walk_u_cm_np1_fr_bad_3",
        "21_walk_u_cm_np1_fr_bad_35",
        "21_walk_u_cm_np1_fr_bad",
    ],
)
def test_names_that_only_look_alike(stem: str) -> None:
    assert find_original(stem) is None


def test_the_longest_of_names_that_contain_one_another() -> None:
    """`Mind_walk...` would be found in `Beautiful_Mind_walk...`, were the shorter one taken."""
    stems = packaged_hmdb51()
    inside = [
        (long, short) for long in stems for k, c in enumerate(long) if c in "_- "
        if (short := long[k + 1 :]) in stems
    ]  # fmt: skip
    assert len(inside) >= 3
    for long, short in inside:
        for name in (long, f"aug_{long}_flip", f"{long} (1)"):
            assert find_original(name) == stems[long]
        assert find_original(f"{short}-mirror") == stems[short]


def test_every_name_of_hmdb51_is_its_own() -> None:
    for stem, clip in packaged_hmdb51().items():
        assert find_original(stem) == clip
        assert find_original(f"aug_{stem}_flip") == clip


def test_lists_go_before_the_package(tmp_path: Path) -> None:
    (tmp_path / "trainlist01.txt").write_text("Archery/v_Archery_g01_c01.avi 1\n")
    lists = read_lists(tmp_path)
    for name in ("v_Archery_g01_c01", "v_Archery_g01_c01_flip"):
        found = find_original(name, lists)
        assert found is not None
        assert found.splits == ("train", None, None)  # it is a test clip of the published lists


@pytest.mark.slow
def test_every_line_of_the_official_lists(shared_dir: Path) -> None:
    for folder in ("ucf101", "hmdb51"):
        for stem, clip in read_lists(shared_dir / "splits" / folder).items():
            assert find_original(stem) == clip
            assert find_original(f"train_{stem} - Copy (2)") == clip
