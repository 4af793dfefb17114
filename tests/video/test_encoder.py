"""Pictures as a film that a browser plays."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from action_recognition.video.encoder import pictures_to_mp4


def test_each_picture_is_shown_for_its_time() -> None:
    pictures = np.stack([np.full((32, 48, 3), 30 * k + 20, dtype=np.uint8) for k in range(6)])
    data = pictures_to_mp4(pictures, interval_s=0.2)
    assert data.index(b"moov") < data.index(b"mdat")  # the index comes first
    with av.open(io.BytesIO(data)) as file:
        stream = file.streams.video[0]
        assert (stream.width, stream.height, stream.codec.name) == (48, 32, "h264")
        shown = [(f.time, f.to_ndarray(format="rgb24").mean()) for f in file.decode(stream)]
        assert float(file.duration / av.time_base) == pytest.approx(1.2, abs=0.01)
    assert [t for t, _ in shown] == pytest.approx([0.2 * k for k in range(6)], abs=1e-3)
    assert [grey for _, grey in shown] == pytest.approx([30 * k + 20 for k in range(6)], abs=3)
