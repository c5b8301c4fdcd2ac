"""The study of SimSearch: a simulated user, strategies and baselines on annotated images, cell by cell."""
