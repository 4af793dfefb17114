"""From a video to answers: predictions, segments, live answers."""
