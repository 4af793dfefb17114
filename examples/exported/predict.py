"""Says which action a video shows, with an exported ONNX clip and without this project.

python examples/exported/predict.py clip.onnx video.mp4
"""

import json
import sys

import av
import numpy as np
import onnxruntime

model, video = sys.argv[1:]
session = onnxruntime.InferenceSession(model)
about = json.loads(session.get_modelmeta().custom_metadata_map["action_recognition"])
frames, due = [], 0.0
with av.open(video) as container:
    for frame in container.decode(video=0):
        if frame.time >= due:  # five frames a second
            frames.append(frame.to_ndarray(format="rgb24"))
            due += about["interval_s"]
probabilities, known, _ = session.run(None, {"frames": np.stack(frames)[None]})
best = probabilities[0].argmax()
print(f"{about['classes'][best]} {probabilities[0, best]:.1%}, a known action: {known[0]:.1%}")
