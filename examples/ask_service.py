"""Asks a running service, and takes nothing of the package: only Python itself.

action-recognition serve &
python examples/ask_service.py kitchen.mp4
"""

import argparse
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

BOUNDARY = "edge-of-the-video-4d1f"


def ask(url: str, video: Path) -> dict:
    name = urllib.parse.quote(video.name)
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = head.encode() + video.read_bytes() + f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    if token := os.environ.get("ACTION_RECOGNITION_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(json.load(error)["error"])


parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("video", type=Path)
parser.add_argument("--address", default="http://127.0.0.1:8000")
options = parser.parse_args()
found = ask(f"{options.address}/v1/predict", options.video)
print(f"{found['file']}: {found['action']} {found['probability']:.1%}")
for segment in ask(f"{options.address}/v1/timeline", options.video)["segments"]:
    print(f"{segment['start_s']} s to {segment['end_s']} s: {segment['action']}")
