"""Where recurrent layers earn their place: telling a clip from the same clip run backwards.

    python benchmarks/arrow_of_time.py manifest.csv --init mobilenet_v2_1.0_224.fp16.npz

Each clip is one example as it is and one reversed (Wei, Lim, Zisserman, Freeman, "Learning and
Using the Arrow of Time", CVPR 2018). Frame features are those of the frozen ImageNet network, so
that nothing but the head sees time; of the heads, the mean over time cannot tell the two apart.
Prints accuracy on the test side, mean and half the range over seeds. Chance is 0.5.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ablation import PREPROCESSING, features_of
from action_recognition.datasets.framecache import FrameCache
from action_recognition.datasets.manifest import Clip
from action_recognition.datasets.manifest_csv import read_manifest
from action_recognition.datasets.probe import cache_folder
from action_recognition.initialisation import load_imagenet
from action_recognition.models.hybridnet import Architecture, HybridNet

HEADS = {"mean over time": (0, 0), "LSTM": (128, 0), "GRU": (0, 128), "LSTM, GRU": (128, 128)}
SEEDS, EPOCHS, BATCH, CLIPS = (0, 1, 2), 20, 64, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", help="CSV of `data from-folder`")
    parser.add_argument("--init", required=True, help="ImageNet weights")
    parser.add_argument("--cache", type=Path, default=cache_folder() / "frames")
    options = parser.parse_args()
    manifest = read_manifest(options.manifest)
    network = HybridNet(Architecture(classes=2, difference=False, conv3d=False)).eval()
    load_imagenet(network, options.init)
    cache = FrameCache(options.cache, PREPROCESSING)

    def examples(clips: Sequence[Clip]) -> tuple[Tensor, list[str]]:
        found = features_of(network, clips, cache, CLIPS)
        labels = [c.label for c, x in zip(clips, found, strict=True) for _ in x]
        return F.layer_norm(torch.cat(found), (found[0].shape[-1],)), labels

    train, _ = examples(manifest.side("train"))
    test, labels = examples(manifest.side("test"))
    names = sorted(set(labels))
    print(f"| head | all | {' | '.join(names)} |")
    print("|---|---:|" + "---:|" * len(names))
    for head, (lstm, gru) in HEADS.items():
        right = torch.stack([run(train, test, lstm, gru, seed) for seed in SEEDS])  # (seeds, N)
        columns = [right.mean(1)]
        for name in names:
            columns.append(right[:, [label == name for label in labels]].mean(1))
        cells = [f"{c.mean():.3f} ± {(c.max() - c.min()) / 2:.3f}" for c in columns]
        print(f"| {head} | {' | '.join(cells)} |", flush=True)


def run(train: Tensor, test: Tensor, lstm: int, gru: int, seed: int) -> Tensor:
    """Share of right answers, 0, 0.5 or 1, for each test clip and its reversal."""
    torch.manual_seed(seed)
    head = Head(train.shape[2], lstm, gru)
    optimizer = torch.optim.AdamW(head.parameters(), 1e-3, weight_decay=0.02)
    x = torch.cat([train, train.flip(1)])
    y = torch.arange(2).repeat_interleave(len(train))
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(BATCH):
            loss = F.cross_entropy(head(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    head.eval()
    with torch.inference_mode():
        forward, backward = head(test).argmax(1) == 0, head(test.flip(1)).argmax(1) == 1
    return (forward.float() + backward.float()) / 2


class Head(nn.Module):
    """Frame features (B, T, D) -> logits (B, 2): as the end of the HybridNet."""

    def __init__(self, width: int, lstm: int, gru: int) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)
        self.lstm = nn.LSTM(width, lstm, batch_first=True) if lstm else None
        self.gru = nn.GRU(lstm or width, gru, batch_first=True) if gru else None
        self.dense = nn.Linear(gru or lstm or width, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, 2)."""
        x = self.drop(x)
        if self.lstm is not None:
            x, _ = self.lstm(x)
        if self.gru is not None:
            x, _ = self.gru(x)
        return self.dense(self.drop(x.mean(1)))


if __name__ == "__main__":
    main()
