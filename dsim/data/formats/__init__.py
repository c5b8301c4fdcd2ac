"""Formats of image files: how each is recognised, its headers read, and its pixels decoded."""
