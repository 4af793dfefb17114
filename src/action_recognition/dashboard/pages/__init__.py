"""The pages, one function each, and what they are made of."""
