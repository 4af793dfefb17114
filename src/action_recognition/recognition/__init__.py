"""From a video to its answers: predictions, segments, live answers."""
