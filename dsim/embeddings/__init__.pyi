from .agreement import align, neighbour_overlap, procrustes_disparity, trustworthiness
from .clouds import (
    Cloud,
    DatasetMap,
    Ellipse,
    LatentModel,
    Region,
    embed_datasets,
    fit_ellipse,
    lay_out_map,
    open_latent_model,
)
from .maps import UmapMap, fit_umap, to_plane
from .neighbours import Neighbours, find_neighbours
from .placement import Placement, conformal_p, conformal_p_within, distance_sums, mean_to_others, place

__all__ = [
    "Cloud",
    "DatasetMap",
    "Ellipse",
    "LatentModel",
    "Neighbours",
    "Placement",
    "Region",
    "UmapMap",
    "align",
    "conformal_p",
    "conformal_p_within",
    "distance_sums",
    "embed_datasets",
    "find_neighbours",
    "fit_ellipse",
    "fit_umap",
    "lay_out_map",
    "mean_to_others",
    "neighbour_overlap",
    "open_latent_model",
    "place",
    "procrustes_disparity",
    "to_plane",
    "trustworthiness",
]
