"""Sessions: what a person chose and marked, as a file that is replayed to the same detections."""
