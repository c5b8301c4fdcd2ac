from .attributes import described, modality_family, read_attributes, stated_modality, votes_of
from .builders import from_arrays, from_torch, join
from .conversion import to_dataset, to_datasets
from .dataset import Backing, Dataset
from .given_masks import JOURNAL, unchanged_prelabels, with_masks, without_unchanged
from .inspection import Inspection, Spread, evenly, inspect, save_grid, save_sheet, write_line
from .label_file import find_label_file, relabelled
from .model_option import model_file
from .opener import open_dataset, open_many
from .options import PHANTOMS, Cut, ReadOptions
from .overlap import count_shared_images, say_shared_images
from .patches import Patch, boxes_of, cut_boxes, cut_grid
from .thumbnails import brightened, thumbnail
from .treatment import TREATMENT_VERSION
from .windows import WindowReader, image_sizes, open_windows

__all__ = [
    "JOURNAL",
    "PHANTOMS",
    "TREATMENT_VERSION",
    "Backing",
    "Cut",
    "Dataset",
    "Inspection",
    "Patch",
    "ReadOptions",
    "Spread",
    "WindowReader",
    "boxes_of",
    "brightened",
    "count_shared_images",
    "cut_boxes",
    "cut_grid",
    "described",
    "evenly",
    "find_label_file",
    "from_arrays",
    "from_torch",
    "image_sizes",
    "inspect",
    "join",
    "modality_family",
    "model_file",
    "open_dataset",
    "open_many",
    "open_windows",
    "read_attributes",
    "relabelled",
    "save_grid",
    "save_sheet",
    "say_shared_images",
    "stated_modality",
    "thumbnail",
    "to_dataset",
    "to_datasets",
    "unchanged_prelabels",
    "votes_of",
    "with_masks",
    "without_unchanged",
    "write_line",
]
