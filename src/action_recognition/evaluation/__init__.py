"""A model and a split of a manifest in, figures and a report out."""
