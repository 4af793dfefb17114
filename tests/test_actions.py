import pytest

from action_recognition.actions import ACTIONS, find_action, label_for_folder


def test_ten_actions_with_four_of_ucf101_and_six_of_hmdb51() -> None:
    assert len(ACTIONS) == 10
    assert sum(a.dataset == "UCF101" for a in ACTIONS) == 4
    assert sum(a.dataset == "HMDB51" for a in ACTIONS) == 6


@pytest.mark.parametrize("field", ["name", "folder", "original_class"])
def test_no_two_actions_share_a_name_or_folder(field: str) -> None:
    assert len({getattr(a, field) for a in ACTIONS}) == 10


def test_original_folders_are_spelled_as_the_data_sets_spell_them() -> None:
    assert {a.original_class for a in ACTIONS} == {
        "BabyCrawling", "IceDancing", "drink", "smoke", "hit", "shoot_gun", "CuttingInKitchen",
        "fall_floor", "talk", "WritingOnBoard",
    }  # fmt: skip


@pytest.mark.parametrize("action", ACTIONS, ids=lambda a: a.folder)
def test_both_folders_lead_to_the_action(action) -> None:
    assert find_action(action.folder) is action
    assert find_action(action.original_class) is action
    assert label_for_folder(action.folder) == label_for_folder(action.original_class) == action.name


@pytest.mark.parametrize(
    ("folder", "label"),
    [
        ("BrushingTeeth", "Brushing Teeth"),
        ("jump", "Jump"),
        ("my_own_class", "My own class"),
        ("HandstandPushups", "Handstand Pushups"),
        ("TaiChi", "Tai Chi"),
        ("YoYo", "Yo Yo"),
        ("already readable", "Already readable"),
        ("", ""),
    ],
)
def test_other_folders_become_readable(folder: str, label: str) -> None:
    assert find_action(folder) is None
    assert label_for_folder(folder) == label
