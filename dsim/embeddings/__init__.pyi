from .agreement import align, neighbour_overlap, procrustes_disparity, trustworthiness
from .maps import UmapMap, fit_umap, to_plane
from .neighbours import Neighbours, find_neighbours
from .placement import Placement, conformal_p, conformal_p_within, distance_sums, mean_to_others, place

__all__ = [
    "Neighbours",
    "Placement",
    "UmapMap",
    "align",
    "conformal_p",
    "conformal_p_within",
    "distance_sums",
    "find_neighbours",
    "fit_umap",
    "mean_to_others",
    "neighbour_overlap",
    "place",
    "procrustes_disparity",
    "to_plane",
    "trustworthiness",
]
