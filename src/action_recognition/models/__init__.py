"""The network, its file, and how it is run. Nothing here reads videos."""
