"""The tools of the system that decompress RAR: none, one that fails, all that fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from action_recognition.datasets.download import archives
from action_recognition.datasets.download.archives import has_rar_tool, unpack
from action_recognition.errors import DataError
from archive_maker import FILES, Kind, everything, files_in, need_rar_tool, write_archive
from rar_maker import Entry, write_rar

# -- no tool -------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_tools")
def test_without_a_tool_the_packages_are_named(tmp_path: Path) -> None:
    assert not has_rar_tool()
    archive = write_rar(tmp_path / "a.rar", [Entry("one.avi", b"first", compressed=True)])
    with pytest.raises(DataError) as caught:
        unpack(archive, tmp_path / "out", everything, workspace=tmp_path / "work")
    message = str(caught.value)
    assert message.startswith("a.rar: no tool that reads RAR archives is installed; ")
    packages = ("apt install unar", "dnf install unar", "brew install unar", "install 7zip.7zip")
    for system, package in zip(("Debian", "Fedora", "macOS", "Windows"), packages, strict=True):
        assert message.index(system) < message.index(package)
    assert files_in(tmp_path / "out") == {}


@pytest.mark.usefixtures("no_tools")
@pytest.mark.parametrize("kind", ["zip", "rar4", "rar5"])
def test_what_is_not_compressed_needs_no_tool(tmp_path: Path, kind: Kind) -> None:
    archive = write_archive(tmp_path / "a.bin", kind=kind)
    unpack(archive, tmp_path / "out", everything, workspace=tmp_path / "work")
    assert files_in(tmp_path / "out") == FILES


# -- tools that fail -----------------------------------------------------------------------


@pytest.fixture
def fake_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder before all others on the PATH for programs that say they work but do not."""
    if sys.platform == "win32":
        pytest.skip("needs programs that are shell scripts")
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("unrar", "unar", "lsar", "bsdtar"):
        # Asked whether they work they get one or two options; to unpack, more.
        (folder / name).write_text("#!/bin/sh\n[ $# -le 2 ]\n")
        (folder / name).chmod(0o755)
    monkeypatch.setattr(archives.rarfile, "CURRENT_SETUP", None)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


def test_looking_for_tools_leaves_the_best_one_in_use(fake_tools: Path) -> None:
    assert has_rar_tool()
    assert archives.rarfile.CURRENT_SETUP.setup["open_cmd"][0] == "UNRAR_TOOL"


def test_where_one_tool_fails_another_is_tried(fake_tools: Path) -> None:
    for name in ("unar", "lsar", "bsdtar"):
        (fake_tools / name).unlink()
    (fake_tools / "unrar").rename(fake_tools / "aside")
    need_rar_tool()
    (fake_tools / "aside").rename(fake_tools / "unrar")
    archive = write_archive(fake_tools.parent / "a.rar", kind="compressed rar5")
    unpack(archive, fake_tools.parent / "out", everything, workspace=fake_tools)
    assert files_in(fake_tools.parent / "out") == FILES


def test_where_all_tools_fail_nothing_is_written(fake_tools: Path) -> None:
    archive = write_archive(fake_tools.parent / "a.rar", kind="compressed rar5")
    for name in ("7z", "7zz"):
        (fake_tools / name).symlink_to(fake_tools / "unrar")
    with pytest.raises(DataError, match=r"^a\.rar: (?=.*damaged).* at walk/one\.avi "):
        unpack(archive, fake_tools.parent / "out", everything, workspace=fake_tools)
    assert files_in(fake_tools.parent / "out") == {}
