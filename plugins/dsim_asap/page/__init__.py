"""The map as one page that needs nothing else: no network, no server; its images are part of it."""
