"""Datasets as clouds of latent points: which model places them, where images lie, and how a dataset says what it is."""
