"""From folders of videos to a checked manifest of clips."""
