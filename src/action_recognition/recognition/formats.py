"""Answers in file formats that other programs can read.

Names of files and classes can hold bytes that are no text; Python reads them as lone surrogates.
What is made here can be written as UTF-8 all the same: a surrogate is escaped, as "\\udce9".
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence

from action_recognition.recognition.results import Prediction
from action_recognition.recognition.segmentation import Segment
from action_recognition.recognition.wording import percent

NONE_KNOWN = "none of the known actions"
_MOST_NAMED = 12  # segments in one line
_NAMES = ("action", "nearest_action")  # columns that hold names of classes


def to_json(prediction: Prediction) -> str:
    """One answer as a JSON object (see `Prediction.to_dict`)."""
    return dump_json(prediction.to_dict(), indent=2) + "\n"


def dump_json(value: object, *, encoding: str = "utf-8", indent: int | None = None) -> str:
    """JSON that can be encoded; if some character cannot, all beyond ASCII are escaped.

    >>> print(dump_json(["\u8dd1", "\xe9"]), dump_json(["\u8dd1", "\xe9"], encoding="cp1252"))
    ["\u8dd1", "\xe9"] ["\\u8dd1", "\\u00e9"]
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text


def as_utf8(text: str) -> str:
    """The text with lone surrogates escaped."""
    return text.encode(errors="backslashreplace").decode()


def to_csv(predictions: Sequence[Prediction]) -> str:
    """One row per video: file name, answer, and the probability of each action.

    The action columns are in alphabetical order, so all tables of a model have the same layout.
    """
    actions = sorted({action for p in predictions for action in p.probabilities})
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    columns = ["action", "nearest_action", "probability", "known_probability", "unsure"]
    columns += ["duration_s", "elapsed_s"]
    table.writerow(["file", *columns, *map(spreadsheet_text, actions)])
    for p in predictions:
        facts = p.to_dict()
        facts |= {"action": p.action or "", "unsure": str(p.unsure).lower()}
        facts |= {name: spreadsheet_text(facts[name]) for name in _NAMES}
        shares = [facts["probabilities"].get(action, "") for action in actions]
        table.writerow([spreadsheet_text(p.file), *(facts[c] for c in columns), *shares])
    return as_utf8(out.getvalue())


def segments_to_csv(segments: Iterable[Segment]) -> Iterator[str]:
    """Lines of a CSV, one per segment; the action is empty where it is none of the known ones."""
    columns = ["start_s", "end_s", "action", "nearest_action", "probability", "known_probability"]
    yield ",".join(columns)
    for segment in segments:
        out = io.StringIO()
        facts = segment.to_dict()
        facts["action"] = facts["action"] or ""
        facts |= {name: spreadsheet_text(facts[name]) for name in _NAMES}
        csv.writer(out, lineterminator="").writerow([facts[c] for c in columns])
        yield as_utf8(out.getvalue())


def segments_to_vtt(segments: Iterable[Segment]) -> Iterator[str]:
    """Blocks of a WebVTT file (W3C), with one subtitle for each segment that shows an action.

    >>> print(*segments_to_vtt([Segment(0, 61.5, "Run", "Run", 0.91, 1.0)]), sep="\\n")
    WEBVTT
    <BLANKLINE>
    00:00:00.000 --> 00:01:01.500
    Run 91.0 %
    <BLANKLINE>
    """
    yield "WEBVTT\n"
    for segment in segments:
        if segment.action is not None:
            text = subtitle(segment)
            text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            yield f"{_stamp(segment.start_s)} --> {_stamp(segment.end_s)}\n{text}\n"


def segments_to_srt(segments: Iterable[Segment]) -> Iterator[str]:
    """Blocks of a SubRip file, with one subtitle for each segment that shows an action.

    >>> print(*segments_to_srt([Segment(0, 61.5, "Run", "Run", 0.91, 1.0)]), sep="\\n")
    1
    00:00:00,000 --> 00:01:01,500
    Run 91.0 %
    <BLANKLINE>
    """
    shown = (segment for segment in segments if segment.action is not None)
    for number, segment in enumerate(shown, 1):
        span = f"{_stamp(segment.start_s)} --> {_stamp(segment.end_s)}".replace(".", ",")
        yield f"{number}\n{span}\n{subtitle(segment)}\n"


def subtitle(segment: Segment) -> str:
    """One line about a segment.

    >>> subtitle(Segment(0, 1, "Run", "Run", 0.41, 1.0, "Walk", 0.35))
    'Unsure: Run or Walk 41.0 %'
    """
    if segment.label is None:
        return NONE_KNOWN
    text = " ".join(segment.label.split())  # an empty line would end a subtitle
    return f"{as_utf8(text)} {percent(segment.probability)}"


def answer(segment: Segment) -> str:
    """What a segment shows, with both actions of an unsure one.

    >>> answer(Segment(0, 1, "Run", "Run", 0.91, 1.0))
    'Run 91.0 %'
    >>> answer(Segment(0, 1, "Run", "Run", 0.41, 1.0, "Walk", 0.35))
    'unsure: Run 41.0 % or Walk 35.0 %'
    """
    if segment.action is None:
        return NONE_KNOWN
    first = f"{segment.action} {percent(segment.probability)}"
    if not segment.unsure:
        return first
    if not segment.second_action:
        return f"unsure: {first}"
    return f"unsure: {first} or {segment.second_action} {percent(segment.second_probability)}"


def in_one_line(segments: Sequence[Segment]) -> str:
    """What a film shows, and when.

    >>> in_one_line([
    ...     Segment(0, 12, None, "Run", 0.5, 0.1),
    ...     Segment(12, 31.4, "Run", "Run", 0.9, 1.0),
    ...     Segment(31.4, 75, "Go", "Go", 0.4, 1.0, "Run", 0.3),
    ... ])
    '0:12-0:31 Run 90.0 %, 0:31-1:15 unsure: Go or Run 40.0 %; the rest: none of the known actions'
    """
    known = [s for s in segments if s.label is not None]
    named = [
        f"{_minutes(s.start_s)}-{_minutes(s.end_s)} "
        + " ".join(as_utf8(s.label or "").split()).replace("Unsure: ", "unsure: ", 1)
        + f" {percent(s.probability)}"
        for s in known[:_MOST_NAMED]
    ]
    if len(known) > len(named):
        named.append(f"and {len(known) - len(named)} more")
    if not known:
        return NONE_KNOWN
    rest = f"; the rest: {NONE_KNOWN}" if len(known) < len(segments) else ""
    return ", ".join(named) + rest


def _minutes(time_s: float) -> str:
    minutes, seconds = divmod(round(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def clock(time_s: float) -> str:
    """A time in a film, to a tenth of a second.

    >>> clock(12), clock(59.96), clock(3725.04)
    ('0:12.0', '1:00.0', '1:02:05.0')
    """
    minutes, seconds = divmod(round(time_s, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{seconds:04.1f}" if hours else f"{minutes}:{seconds:04.1f}"


def _stamp(time_s: float) -> str:
    milliseconds = round(time_s * 1000)
    seconds, milliseconds = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{milliseconds:03}"


def spreadsheet_text(value: str) -> str:
    """Text that a spreadsheet does not interpret as a formula."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
