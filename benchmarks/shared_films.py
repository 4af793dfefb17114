"""How far HMDB51's official splits let films stand on both sides, for the project's six classes.

    python benchmarks/shared_films.py

Needs no clips: the official lists are part of the package.
"""

from __future__ import annotations

from action_recognition.actions import ACTIONS
from action_recognition.datasets.official import packaged_hmdb51


def main() -> None:
    classes = [a.original_class for a in ACTIONS if a.dataset == "HMDB51"]
    clips = [c for c in packaged_hmdb51().values() if c.original_class in classes]
    print(f"{', '.join(classes)}:\n")
    print("| split | train clips | of a source in test | same film, same class | other class |")
    print("|---|---:|---:|---:|---:|")
    for split in range(3):
        train = [c for c in clips if c.splits[split] == "train"]
        test = [c for c in clips if c.splits[split] == "test"]
        sources = {c.source for c in test}
        films, of_class = {c.group for c in test}, {(c.original_class, c.group) for c in test}
        source = sum(c.source in sources for c in train)
        same = sum((c.original_class, c.group) in of_class for c in train)
        other = sum(c.group in films for c in train) - same
        print(f"| {split + 1} | {len(train)} | {source} | {same} | {other} |")


if __name__ == "__main__":
    main()
