"""Pictures and films that the pages show or offer to download."""
