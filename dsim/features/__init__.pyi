from .extraction import extract, feature_key, feature_rows, image_batches, recipe
from .extractor import Blueprint, Extractor, Recipe, check_options, prepare
from .network import DenseExtractor, Network, load_state, open_dense, seed_of, seeded
from .shelves import Shelf, read_shelf, write_shelf, zoo_sources
from .transforms import NetworkInput, Square, Transform, parse_transform

__all__ = [
    "Blueprint",
    "DenseExtractor",
    "Extractor",
    "Network",
    "NetworkInput",
    "Recipe",
    "Shelf",
    "Square",
    "Transform",
    "check_options",
    "extract",
    "feature_key",
    "feature_rows",
    "image_batches",
    "load_state",
    "open_dense",
    "parse_transform",
    "prepare",
    "read_shelf",
    "recipe",
    "seed_of",
    "seeded",
    "write_shelf",
    "zoo_sources",
]
