"""Volumes as slices: which slices, in which order, and along which axis. See docs/datasets.md."""
