"""Checks what model files tell of themselves, before pages and commands show it.

Any part of the record can be missing; what is there has the type that those who read it count on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from action_recognition.errors import ModelFileError

_DEEPEST = 20  # JSON within JSON
_LARGEST = 2**53  # up to which other programs, too, know all whole numbers


def check_plain(value: Any, place: str, depth: int = _DEEPEST) -> None:
    """Checks that a JSON value can be printed and handed on.

    Raises:
        ModelFileError: it is nested too deeply, a whole number is too large, or a text has half a
            character or control characters.
    """
    if not depth:
        raise ModelFileError(f"{place} is nested too deeply")
    if isinstance(value, str):
        if any((c < " " and c not in "\t\n\r") or is_half(c) for c in value):
            raise ModelFileError(f"{place} holds a text that is not one: {ascii(value)[:60]}")
    elif isinstance(value, int):
        if abs(value) > _LARGEST:
            raise ModelFileError(f"{place} holds a whole number that is too large")
    elif isinstance(value, dict):
        for key, inner in value.items():
            check_plain(key, place, depth)
            check_plain(inner, place, depth - 1)
    elif isinstance(value, list):
        for inner in value:
            check_plain(inner, place, depth - 1)


def is_half(character: str) -> bool:
    """Whether it is half a character, and no byte of a file name that is no text (PEP 383)."""
    return "\ud800" <= character <= "\udfff" and not "\udc80" <= character <= "\udcff"


def check_metrics(metrics: Mapping[str, Any], classes: int) -> None:
    """Checks those measurements that are shown.

    Parameters:
        metrics: as `evaluate` gives them, or a part of that.
        classes: number of classes of the model.

    Raises:
        ModelFileError: one is not of its type; the message names it.
    """
    _check_figures(metrics, classes, "metrics")
    other = metrics.get("other_sources")
    if other is not None:
        _need(isinstance(other, dict), "metrics.other_sources")
        _check_figures(other, classes, "metrics.other_sources")


def check_training(training: Mapping[str, Any]) -> None:
    """Checks those parts of the record of a training that are shown.

    Raises:
        ModelFileError: one is not of its type; the message names it.
    """
    for name, split in _mapping(training, "clips", "training").items():
        good = isinstance(split, dict) and all(map(_is_count, split.values()))
        _need(good, f"training.clips.{name}")
    for name, found in _mapping(training, "sources", "training").items():
        _need(
            isinstance(found, list) and all(isinstance(s, str) for s in found),
            f"training.sources.{name}",
        )


def _check_figures(metrics: Mapping[str, Any], classes: int, place: str) -> None:
    _need(_is_count(metrics.get("videos", 0)), f"{place}.videos")
    error = metrics.get("calibration_error")
    _need(error is None or _is_number(error), f"{place}.calibration_error")
    refused = _mapping(metrics, "open_set", place).get("refused")
    _need(refused is None or _is_number(refused), f"{place}.open_set.refused")
    for name, figure in _mapping(metrics, "overall", place).items():
        good = isinstance(figure, dict) and all(
            _is_number(figure.get(key)) for key in ("value", "low", "high")
        )
        _need(good, f"{place}.overall.{name}")
    for row in _list(metrics, "per_class", place):
        good = isinstance(row, dict) and isinstance(row.get("class"), str)
        good = good and isinstance(row.get("dataset", ""), str | None)
        good = good and all(_is_number(row.get(key)) for key in ("precision", "recall", "f1"))
        _need(good and _is_count(row.get("videos")), f"{place}.per_class")
    confusion = _list(metrics, "confusion", place)
    _need(len(confusion) in (0, classes), f"{place}.confusion")
    for row in confusion:
        good = isinstance(row, list) and len(row) == classes and all(map(_is_count, row))
        _need(good, f"{place}.confusion")
    _check_reliability(_mapping(metrics, "reliability", place), f"{place}.reliability")


def _check_reliability(bins: Mapping[str, Any], place: str) -> None:
    columns = [_list(bins, key, place) for key in ("videos", "confidence", "accuracy")]
    chance = _list(bins, "error by chance", place)
    _need(len({len(column) for column in columns}) == 1, place)
    _need(all(map(_is_count, columns[0])) and all(map(_is_number, chance)), place)
    _need(all(v is None or _is_number(v) for column in columns[1:] for v in column), place)


def _mapping(values: Mapping[str, Any], key: str, place: str) -> Mapping[str, Any]:
    found = values.get(key)
    _need(found is None or isinstance(found, dict), f"{place}.{key}")
    return found or {}


def _list(values: Mapping[str, Any], key: str, place: str) -> list[Any]:
    found = values.get(key)
    _need(found is None or isinstance(found, list), f"{place}.{key}")
    return found or []


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _need(good: bool, place: str) -> None:
    if not good:
        raise ModelFileError(f"description/{place[:100]} is not what it should be")
