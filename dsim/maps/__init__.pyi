from .comparison import SCORES, MapComparison, compare_maps
from .comparison_answer import answer
from .comparison_files import draw_maps, format_places, write_comparison
from .files import describe_fit, format_table, open_map, read_record, write_image_map
from .fit import fit_map, map_trainer
from .image_map import COLUMNS, ImageMap
from .method_maps import SeededMap, make_map
from .method_scores import Judges, MethodScores, agreement, score_maps
from .methods import BASELINES, LAYOUTS, Method, read_method, read_methods
from .model import MapModel, open_map_model
from .neighbourhoods import crowding, stability
from .page import draw_pictures, nearest_in_features, page_columns, render_image_map
from .place import PlacedImages, place_on_map
from .placed_files import format_placed, render_placed, write_placed
from .quality import Fault, Finding, MapCheck, check_map, write_check

__all__ = [
    "BASELINES",
    "COLUMNS",
    "LAYOUTS",
    "SCORES",
    "Fault",
    "Finding",
    "ImageMap",
    "Judges",
    "MapCheck",
    "MapComparison",
    "MapModel",
    "Method",
    "MethodScores",
    "PlacedImages",
    "SeededMap",
    "agreement",
    "answer",
    "check_map",
    "compare_maps",
    "crowding",
    "describe_fit",
    "draw_maps",
    "draw_pictures",
    "fit_map",
    "format_placed",
    "format_places",
    "format_table",
    "make_map",
    "map_trainer",
    "nearest_in_features",
    "open_map",
    "open_map_model",
    "page_columns",
    "place_on_map",
    "read_method",
    "read_methods",
    "read_record",
    "render_image_map",
    "render_placed",
    "score_maps",
    "stability",
    "write_check",
    "write_comparison",
    "write_image_map",
    "write_placed",
]
