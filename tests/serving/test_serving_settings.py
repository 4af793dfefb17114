"""What the operator of the service decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from action_recognition.errors import UsageError
from action_recognition.serving.settings import TOKEN_VARIABLE, read_token


def test_a_token_in_a_file_counts_more_than_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text("of the file\n", encoding="utf-8")
    monkeypatch.setenv(TOKEN_VARIABLE, "of the variable")
    assert read_token(str(file)) == "of the file"
    assert read_token(None) == "of the variable"
    monkeypatch.delenv(TOKEN_VARIABLE)
    assert read_token(None) is None


def test_a_file_that_holds_no_token(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it cannot be read"):
        read_token(str(tmp_path / "gone"))
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="it is no text"):
        read_token(str(tmp_path / "bytes"))
