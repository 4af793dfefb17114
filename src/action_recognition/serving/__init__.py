"""Recognition for other programs, over HTTP."""
