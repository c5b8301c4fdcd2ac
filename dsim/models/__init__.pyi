from .backbone import Backbone, TokenOf, build_backbone
from .backbone_state import backbone_state, load_backbone
from .classifier import Classifier, ExtractorBody, PlainBody, timm_body
from .compact_resnet import COMPACT_NETWORKS, CompactResNet, ResidualPlan
from .heads import DinoHead, ProjectionHead
from .map_network import MapNetwork, reduce_last_layer, replace_last_layer
from .origins import count_seen, read_origins
from .predictions import Predictions, mask_like, open_kept, predict_kept, weights_digest
from .recipe import SETTINGS, SegmentationRecipe
from .segmenter import Probed, Segmenter, dice, dice_of_everything, load_segmenter, open_segmenter, predict_images
from .starts import StartWeights, read_start
from .tiles import as_rgb, channels_last, resize_planes, scale_planes
from .unet import EncoderUNet, UNet, count_parameters, timm_encoder
from .vote import MOST_MEMBERS, VoteNetwork

__all__ = [
    "COMPACT_NETWORKS",
    "MOST_MEMBERS",
    "SETTINGS",
    "Backbone",
    "Classifier",
    "CompactResNet",
    "DinoHead",
    "EncoderUNet",
    "ExtractorBody",
    "MapNetwork",
    "PlainBody",
    "Predictions",
    "Probed",
    "ProjectionHead",
    "ResidualPlan",
    "SegmentationRecipe",
    "Segmenter",
    "StartWeights",
    "TokenOf",
    "UNet",
    "VoteNetwork",
    "as_rgb",
    "backbone_state",
    "build_backbone",
    "channels_last",
    "count_parameters",
    "count_seen",
    "dice",
    "dice_of_everything",
    "load_backbone",
    "load_segmenter",
    "mask_like",
    "open_kept",
    "open_segmenter",
    "predict_images",
    "predict_kept",
    "read_origins",
    "read_start",
    "reduce_last_layer",
    "replace_last_layer",
    "resize_planes",
    "scale_planes",
    "timm_body",
    "timm_encoder",
    "weights_digest",
]
