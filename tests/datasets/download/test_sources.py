"""Addresses of the data sets: the official ones, a settings file, options."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from action_recognition.datasets.download.sources import OFFICIAL, RemoteFile, choose_sources
from action_recognition.errors import DataError

MD5 = "15e67781e70dcfbdce2d7dbb9b3344b5"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def by_name(files: list[RemoteFile]) -> dict[str, RemoteFile]:
    return {f.name: f for f in files}


def settings_file(folder: Path, text: str) -> Path:
    path = folder / "sources.toml"
    path.write_text(text, encoding="utf-8")
    return path


# -- official ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dataset", "names"),
    [
        ("ucf101", {"ucf101-videos", "ucf101-splits"}),
        ("hmdb51", {"hmdb51-videos", "hmdb51-splits"}),
        ("all", {"ucf101-videos", "ucf101-splits", "hmdb51-videos", "hmdb51-splits"}),
    ],
)
def test_the_files_of_a_data_set(dataset: str, names: set[str]) -> None:
    files = choose_sources(dataset)  # type: ignore[arg-type]
    assert set(by_name(files)) == names
    assert all(f in OFFICIAL for f in files)


def test_official_addresses_are_https_and_end_in_the_files_name() -> None:
    for file in OFFICIAL:
        for location in file.locations:
            parts = urlsplit(location)
            assert parts.scheme == "https"
            assert parts.hostname in {"www.crcv.ucf.edu", "serre-lab.clps.brown.edu"}
            assert Path(parts.path).name == file.file_name
    assert len({f.file_name for f in OFFICIAL}) == len(OFFICIAL)  # they share a folder


def test_the_published_hash_is_kept() -> None:
    assert by_name(choose_sources("all"))["hmdb51-splits"].hash == f"md5:{MD5}"


# -- options -------------------------------------------------------------------------------


def test_an_option_replaces_the_address_of_its_file_only() -> None:
    address = "http://mirror/u.rar?key=a=b"
    files = by_name(choose_sources("all", overrides=[f"ucf101-videos={address}"]))
    assert files["ucf101-videos"].locations == (address,)
    assert files["ucf101-videos"].file_name == "UCF101.rar"
    assert all(f in OFFICIAL for name, f in files.items() if name != "ucf101-videos")


def test_several_options_of_a_name_are_tried_in_their_order() -> None:
    files = choose_sources(
        "hmdb51", overrides=["hmdb51-videos=/usb/a.rar", "hmdb51-videos=http://b/a.rar"]
    )
    assert by_name(files)["hmdb51-videos"].locations == ("/usb/a.rar", "http://b/a.rar")


@pytest.mark.parametrize(
    ("end", "address", "digest"),
    [
        ("", "http://m/a.rar", ""),
        (f"#md5={MD5}", "http://m/a.rar", f"md5:{MD5}"),
        (f"#md5={MD5.upper()}", "http://m/a.rar", f"md5:{MD5}"),
        (f"#sha256={SHA256}", "http://m/a.rar", f"sha256:{SHA256}"),
        ("#top", "http://m/a.rar#top", ""),
    ],
)
def test_the_end_of_an_address_is_its_hash(end: str, address: str, digest: str) -> None:
    """The official hash must not stay: it is that of another address."""
    files = choose_sources("hmdb51", overrides=[f"hmdb51-splits=http://m/a.rar{end}"])
    assert by_name(files)["hmdb51-splits"].locations == (address,)
    assert by_name(files)["hmdb51-splits"].hash == digest


@pytest.mark.parametrize(
    "digits", ["md5=", f"md5={MD5[1:]}", f"md5={SHA256}", f"sha256={MD5}", f"md5={MD5[1:]}g"]
)
def test_a_mistyped_hash_is_refused_and_not_taken_for_none(digits: str) -> None:
    with pytest.raises(DataError, match=rf"^source '.*#{digits}': .* is no (md5|sha)"):
        choose_sources("all", overrides=[f"ucf101-videos=a.rar#{digits}"])


@pytest.mark.parametrize(
    "text",
    ["", "ucf101-videos", "ucf101-videos=", "ucf=http://m/a.rar", "=a"],
)
def test_an_option_that_is_no_source_is_quoted(text: str) -> None:
    with pytest.raises(DataError, match=r"^source '.*NAME=ADDRESS.*hmdb51-videos$") as caught:
        choose_sources("all", overrides=[text])
    assert repr(text) in str(caught.value)


# -- settings file -------------------------------------------------------------------------


def test_a_settings_file_replaces_address_and_hash(tmp_path: Path) -> None:
    path = settings_file(
        tmp_path,
        '[hmdb51-splits]\nlocations = ["http://a/x.rar", "/usb/x.rar"]\n'
        f'[ucf101-videos]\nlocations = ["u.rar"]\nhash = "sha256:{SHA256}"\n',
    )
    files = by_name(choose_sources("all", settings=path))
    assert files["hmdb51-splits"].locations == ("http://a/x.rar", "/usb/x.rar")
    assert files["hmdb51-splits"].hash == ""
    assert files["ucf101-videos"].hash == f"sha256:{SHA256}"
    assert files["hmdb51-videos"] in OFFICIAL


def test_an_option_goes_before_the_settings_file(tmp_path: Path) -> None:
    path = settings_file(
        tmp_path, f'[ucf101-videos]\nlocations = ["u.rar"]\nhash = "md5:{MD5}"\n'
    )  # fmt: skip
    files = choose_sources("ucf101", settings=str(path), overrides=["ucf101-videos=v.rar"])
    file = by_name(files)["ucf101-videos"]
    assert (file.locations, file.hash) == (("v.rar",), "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[ucf101-videos", "cannot be read as TOML"),
        ('[ucf]\nlocations = ["a"]', "'ucf' is not known, must be one of ucf101-splits"),
        ("ucf101-videos = 1", "ucf101-videos needs locations"),
        ("[ucf101-videos]", "ucf101-videos needs locations"),
        ('[ucf101-videos]\nlocations = "a.rar"', "needs locations, a list"),
        ("[ucf101-videos]\nlocations = []", "needs locations, a list"),
        ('[ucf101-videos]\nlocations = [""]', "needs locations, a list"),
        ('[ucf101-videos]\nlocations = ["a"]\nmd5 = "b"', "an unknown key 'md5'"),
        ('[ucf101-videos]\nlocations = ["a"]\nhash = 3', "a hash that is not md5"),
        ('[ucf101-videos]\nlocations = ["a"]\nhash = "md5:12"', "a hash that is not md5"),
        (f'[ucf101-videos]\nlocations = ["a"]\nhash = "sha1:{MD5}"', "a hash that is not md5"),
    ],
)
def test_a_settings_file_that_cannot_be_used(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(DataError, match=rf"^sources\.toml: .*{why}"):
        choose_sources("all", settings=settings_file(tmp_path, text))


def test_a_settings_file_that_is_missing_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^none\.toml: there is no such settings file$"):
        choose_sources("all", settings=tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'a = "\xe4"')
    for name in ("latin.toml", "."):
        with pytest.raises(DataError, match="cannot be read as TOML"):
            choose_sources("all", settings=tmp_path / name)
