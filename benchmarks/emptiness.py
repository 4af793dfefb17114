"""What is answered where nothing is to be seen: made videos without an action, and hard real ones.

    python benchmarks/emptiness.py --stills ../shared/stills \
        --clips ../shared/examples ../shared/clips_other/stand
    python benchmarks/emptiness.py --seeds 1        # quicker

Videos of 8 s are written as MP4 files and read as any other. They are made here, otherwise than
those that a model learns from (`training/emptiness.py`). Prints Markdown tables: for each kind, the
share of videos, and of their windows, for which the answer is none of the known actions, and the
actions that are named in the others; then the answers for the videos of `--clips`. A photograph
that does not move may show an action: it is a hard case, not a wrong one.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from action_recognition.cli.options import add_model_option
from action_recognition.dashboard.media.figure import jumping
from action_recognition.datasets.walk import videos_in
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.results import KNOWN
from action_recognition.video.encoder import pictures_to_mp4
from measuring import print_table

WIDTH, HEIGHT, COUNT, INTERVAL_S = 320, 240, 80, 0.1
TEXT = "the report of last year shows that costs went down while most of the teams grew, page two"

Frames = NDArray[np.uint8]  # (COUNT, HEIGHT, WIDTH, 3)
Maker = Callable[[np.random.Generator], Frames]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stills", type=Path, help="folder of photographs")
    parser.add_argument("--clips", nargs="+", type=Path, default=[], help="folders of videos")
    parser.add_argument("--seeds", type=int, default=5, help="videos of each kind")
    parser.add_argument("--videos", type=int, help="of each folder of clips, at most")
    add_model_option(parser)
    options = parser.parse_args()
    recognizer = Recognizer.load(options.model)
    header = ["videos refused", "windows refused", "named in the others"]
    with tempfile.TemporaryDirectory() as folder:
        made = find_makers(options.stills)
        kinds = (
            (name, write(make, options.seeds, Path(folder) / name)) for name, make in made.items()
        )
        print_table(["kind", *header], (measure(recognizer, *kind) for kind in kinds))
    for clips in options.clips:
        rows = [describe(recognizer, path) for path in videos_in(clips)[: options.videos]]
        header = [f"video of `{clips.name}`", "known", "answer", "timeline"]
        print_table(header, rows, texts=4)
        print(f"Refused: {sum(row[2].startswith('none') for row in rows)} of {len(rows)}\n")


def write(make: Maker, seeds: int, folder: Path) -> list[Path]:
    """The videos of one kind."""
    folder.mkdir()
    paths = [folder / f"{seed}.mp4" for seed in range(seeds)]
    for seed, path in enumerate(paths):
        path.write_bytes(pictures_to_mp4(make(np.random.default_rng(seed)), interval_s=INTERVAL_S))
    return paths


def measure(recognizer: Recognizer, kind: str, paths: Sequence[Path]) -> list[str]:
    """The row of one kind."""
    found = [recognizer.predict(path) for path in paths]
    known = [m.known_probability for path in paths for m in recognizer.moments(path)]
    named = Counter(p.action for p in found if p.action is not None)
    return [
        kind,
        f"{np.mean([p.action is None for p in found]):.2f}",
        f"{np.mean(np.array(known) < KNOWN):.2f}",
        ", ".join(f"{action} {count}" for action, count in named.most_common()),
    ]


def describe(recognizer: Recognizer, path: Path) -> list[str]:
    """The row of one real video."""
    found = recognizer.predict(path)
    timeline = ", ".join(
        f"{s.start_s:.0f}-{s.end_s:.0f} s {s.action or 'none'}" for s in recognizer.timeline(path)
    )
    answer = f"{found.nearest_action} {found.probability:.2f}"
    shown = answer if found.action else f"none (nearest: {answer})"
    return [path.name, f"{found.known_probability:.2f}", shown, timeline]


# -- kinds of videos ---------------------------------------------------------------------------


def find_makers(stills: Path | None) -> dict[str, Maker]:
    """Name -> what makes a video of that kind."""
    makers: dict[str, Maker] = {
        "black": lambda random: still(canvas((int(random.integers(17)),) * 3)),
        "white": lambda random: still(canvas((int(random.integers(235, 256)),) * 3)),
        "one colour": lambda random: still(canvas(colour(random))),
        "test card": lambda random: still(test_card(random)),
        "noise": snow,
        "slide show": slides,
        "screen recording": screen,
        "drawn figure, standing still": figure,
        "empty room, camera noise": room,
    }
    if stills is not None:
        photos = sorted(p for p in stills.rglob("*.jpg"))
        makers["photograph, still"] = partial(photograph, photos)
        makers["photographs, slide show"] = partial(photo_slides, photos)
    return makers


def canvas(fill: tuple[int, ...]) -> Image.Image:
    return Image.new("RGB", (WIDTH, HEIGHT), fill)


def colour(random: np.random.Generator, low: int = 0, high: int = 256) -> tuple[int, ...]:
    return tuple(random.integers(low, high, 3).tolist())


def still(image: Image.Image) -> Frames:
    return np.repeat(np.asarray(image)[None], COUNT, 0)


def test_card(random: np.random.Generator) -> Image.Image:
    """Three rows of bars, as of SMPTE, and a caption."""
    card = canvas((16, 16, 16))
    pen = ImageDraw.Draw(card)
    for row, (top, bottom, bars) in enumerate(((0, 160, 7), (160, 180, 7), (180, 240, 6))):
        for k in range(bars):
            bits = 7 - k if row == 0 else k
            level = (191, 128, 235)[row]
            fill = tuple(level * bool(bits & bit) for bit in (2, 4, 1))
            pen.rectangle((k * WIDTH / bars, top, (k + 1) * WIDTH / bars, bottom), fill=fill)
    pen.text((random.uniform(20, 200), 190), "NO SIGNAL", fill="white", font=font(22))
    return card


def snow(random: np.random.Generator) -> Frames:
    """An analogue television without a signal: fine noise, a dark bar that rolls."""
    frames = random.normal(random.uniform(90, 150), random.uniform(30, 80), (COUNT, HEIGHT, WIDTH))
    for k, frame in enumerate(frames):
        frame[(6 * k) % HEIGHT : (6 * k) % HEIGHT + 30] *= 0.6
    grey = frames.clip(0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, -1)


def font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def sentence(random: np.random.Generator, words: int) -> str:
    return " ".join(random.choice(TEXT.split(), words))


def slides(random: np.random.Generator) -> Frames:
    """A title, three points and a chart; the next slide comes after two seconds."""
    paper, ink = colour(random, 200), colour(random, 0, 80)
    shown = []
    for _ in range(4):
        slide = canvas(paper)
        pen = ImageDraw.Draw(slide)
        pen.rectangle((0, 0, WIDTH, 44), fill=ink)
        pen.text((12, 10), sentence(random, 3).title(), fill=paper, font=font(20))
        for k in range(3):
            pen.text((16, 60 + 26 * k), f"- {sentence(random, 5)}", fill=ink, font=font(13))
        for k, height in enumerate(random.integers(10, 80, 6)):
            left = 40 + 42 * k
            pen.rectangle((left, 230 - height, left + 28, 230), fill=colour(random, 60, 220))
        shown.append(np.asarray(slide))
    return np.repeat(np.stack(shown), COUNT // 4, 0)


def screen(random: np.random.Generator) -> Frames:
    """An editor in which a text is typed, on a desktop; a pointer moves now and then."""
    desktop = canvas(colour(random))
    pen = ImageDraw.Draw(desktop)
    left, top = (int(v) for v in random.integers(5, 50, 2))
    pen.rectangle((left, top, left + 255, top + 185), fill="white", outline="grey")
    pen.rectangle((left, top, left + 255, top + 16), fill=(60, 60, 66))
    pen.text((left + 6, top + 2), "report.txt", fill="white", font=font(10))
    text = "\n".join(sentence(random, 7) for _ in range(11))
    speed = random.uniform(2, 8)  # letters a frame
    start, end = random.uniform(0, 1, (2, 2)) * (WIDTH - 10, HEIGHT - 14)
    frames = []
    for k in range(COUNT):
        shown = desktop.copy()
        pen = ImageDraw.Draw(shown)
        typed = text[: int(60 + speed * k)]
        pen.multiline_text((left + 6, top + 22), typed, fill="black", font=font(10))
        x, y = start + (end - start) * np.clip((k - 20) / 20, 0, 1)
        pen.polygon([(x, y), (x, y + 12), (x + 8, y + 8)], fill="black", outline="white")
        frames.append(np.asarray(shown))
    return np.stack(frames)


def figure(random: np.random.Generator) -> Frames:
    """The drawn figure of the examples, which keeps one pose."""
    drawn = jumping(float(random.uniform(0, 1)))
    zoom = random.uniform(0.7, 1)
    width, height = drawn.width * zoom, drawn.height * zoom
    x = (drawn.width - width) * random.uniform(0.3, 0.7)
    y = (drawn.height - height) * random.uniform(0.5, 1)
    cut = drawn.crop((int(x), int(y), int(x + width), int(y + height))).resize((WIDTH, HEIGHT))
    return still(ImageEnhance.Color(cut).enhance(random.uniform(0.3, 1.5)))


def room(random: np.random.Generator) -> Frames:
    """An empty room in perspective with a door and a table; sensor noise, light that dims."""
    image = canvas(colour(random, 150, 240))
    pen = ImageDraw.Draw(image)
    x0, y0 = random.uniform(0.2, 0.4) * WIDTH, random.uniform(0.15, 0.3) * HEIGHT
    x1, y1 = WIDTH - random.uniform(0.2, 0.4) * WIDTH, HEIGHT - random.uniform(0.25, 0.4) * HEIGHT
    pen.polygon([(0, HEIGHT), (x0, y1), (x1, y1), (WIDTH, HEIGHT)], fill=colour(random, 60, 160))
    pen.polygon([(0, 0), (x0, y0), (x1, y0), (WIDTH, 0)], fill=colour(random, 200, 255))
    pen.polygon([(0, 0), (x0, y0), (x0, y1), (0, HEIGHT)], fill=colour(random, 100, 200))
    door = x0 + (x1 - x0) * random.uniform(0.1, 0.6)
    pen.rectangle((door, y0 + 0.25 * (y1 - y0), door + 30, y1), fill=colour(random, 40, 140))
    table = WIDTH * random.uniform(0.3, 0.6)
    pen.rectangle((table, y1 + 10, table + 80, y1 + 16), fill=colour(random, 30, 120))
    for leg in (table + 4, table + 72):
        pen.rectangle((leg, y1 + 16, leg + 4, y1 + 45), fill=colour(random, 30, 90))
    light = 1 - random.uniform(0, 0.2) * np.linspace(0, 1, COUNT)[:, None, None, None]
    noise = random.normal(0, random.uniform(2, 8), (COUNT, HEIGHT, WIDTH, 3))
    return np.clip(np.asarray(image) * light + noise, 0, 255).astype(np.uint8)


def read_photo(path: Path) -> Image.Image:
    with Image.open(path) as photo:
        return ImageOps.fit(photo.convert("RGB"), (WIDTH, HEIGHT))


def photograph(photos: Sequence[Path], random: np.random.Generator) -> Frames:
    return still(read_photo(photos[int(random.integers(len(photos)))]))


def photo_slides(photos: Sequence[Path], random: np.random.Generator) -> Frames:
    """Four photographs, of two seconds each."""
    chosen = random.choice(len(photos), 4, replace=False)
    shown = np.stack([np.asarray(read_photo(photos[int(k)])) for k in chosen])
    return np.repeat(shown, COUNT // 4, 0)


if __name__ == "__main__":
    main()
