"""The archives of the data sets: where they are, how they are fetched and unpacked."""
