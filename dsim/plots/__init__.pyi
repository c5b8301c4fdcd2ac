from .confusion import draw_confusion
from .embedding_map import draw_embedding
from .figure_parts import bare, equal_decimals, foot, head, key, number, point_looks, point_mark
from .heatmap import draw_heatmap, range_of_colours, tell_narrow_range
from .label_curves import LabelCurve, draw_label_curves
from .map_grid import MapPanel, draw_map_grid
from .map_page import write_map
from .map_picture import draw_map, draw_sheet
from .marks import add_legend, centre_mark
from .measure_votes import draw_agreement
from .names import Names, names_of, place_labels, settle
from .ranks import draw_ranks
from .regret import draw_regret
from .style import (
    COLOURS,
    GRID,
    INK,
    PALE_INK,
    ROLE_COLOURS,
    SHAPES,
    Look,
    Role,
    check_suffix,
    drawable,
    ink_on,
    looks,
    pictures,
    save,
    unframed,
)
from .transfer import draw_transfer
from .violins import ViolinPanel, draw_violins

__all__ = [
    "COLOURS",
    "GRID",
    "INK",
    "PALE_INK",
    "ROLE_COLOURS",
    "SHAPES",
    "LabelCurve",
    "Look",
    "MapPanel",
    "Names",
    "Role",
    "ViolinPanel",
    "add_legend",
    "bare",
    "centre_mark",
    "check_suffix",
    "draw_agreement",
    "draw_confusion",
    "draw_embedding",
    "draw_heatmap",
    "draw_label_curves",
    "draw_map",
    "draw_map_grid",
    "draw_ranks",
    "draw_regret",
    "draw_sheet",
    "draw_transfer",
    "draw_violins",
    "drawable",
    "equal_decimals",
    "foot",
    "head",
    "ink_on",
    "key",
    "looks",
    "names_of",
    "number",
    "pictures",
    "place_labels",
    "point_looks",
    "point_mark",
    "range_of_colours",
    "save",
    "settle",
    "tell_narrow_range",
    "unframed",
    "write_map",
]
