"""Says which action a video shows.

python examples/predict_file.py video.mp4
python examples/predict_file.py video.mp4 --model kinetics600
"""

from __future__ import annotations

import argparse

from action_recognition import Recognizer


def main() -> None:
    parser = argparse.ArgumentParser(description="Says which action a video shows.")
    parser.add_argument("video")
    parser.add_argument("--model", default="shipped", help="shipped, kinetics600 or an .h5 file")
    options = parser.parse_args()

    prediction = Recognizer.load(options.model).predict(options.video)

    if prediction.action is None:
        print(f"none of the known actions (nearest: {prediction.nearest_action})")
    elif prediction.unsure:
        (first, p), (second, q) = prediction.ranked[:2]
        print(f"unsure: {first} {p:.1%} or {second} {q:.1%}")
    else:
        print(f"{prediction.action} {prediction.probability:.1%}")
    print(f"a known action: {prediction.known_probability:.1%}")
    for action, probability in prediction.ranked[:5]:
        print(f"  {probability:6.1%}  {action}")


if __name__ == "__main__":
    main()
