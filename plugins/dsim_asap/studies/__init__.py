"""The studies behind ``dsim asap``: what the paper did, and what it left open."""
