"""Charts: of an answer, of a timeline, of a model."""
