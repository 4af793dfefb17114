"""The network, its file, and how to run it. Nothing here reads videos."""
