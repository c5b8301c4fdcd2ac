"""Measured transfer: networks are trained on each source and scored on each target."""
