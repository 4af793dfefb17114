"""Takes a model and a split of a manifest; gives metrics and a report."""
