"""Training: a manifest of clips in, a model file out, on Lightning."""
