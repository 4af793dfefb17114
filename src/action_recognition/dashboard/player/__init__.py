"""The player: a video whose moments are listed, drawn over time, and played by a click."""
