"""Maps of images that learn from the images alone: t-SimCNE (Böhm et al. 2023, arXiv:2210.09879)."""
