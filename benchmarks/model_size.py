"""Parameters, multiply-accumulate operations and file size of a model.

python benchmarks/model_size.py [model.h5]
"""

from __future__ import annotations

import sys

from action_recognition.models.hybridnet import count_macs, count_parameters
from action_recognition.models.model_file import find_model, load_model


def main() -> None:
    path = find_model(sys.argv[1] if len(sys.argv) > 1 else None)
    model = load_model(path)
    macs = count_macs(
        model.network, frames=model.preprocessing.frames, size=model.preprocessing.size
    )
    print(
        f"{path.name}: {count_parameters(model.network) / 1e6:.2f} million parameters, "
        f"{macs / 1e9:.2f} GMAC a clip, {path.stat().st_size / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    main()
