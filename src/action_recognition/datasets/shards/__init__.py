"""Clips in WebDataset's shards: tar files of some hundred megabytes, read from end to end."""
