from .classifier import Classifier, PlainBody, timm_body
from .recipe import SETTINGS, SegmentationRecipe
from .segmenter import Probed, Segmenter, dice, dice_of_everything, load_segmenter, open_segmenter
from .tiles import as_rgb, channels_last, resize_planes, scale_planes
from .unet import EncoderUNet, UNet, count_parameters, timm_encoder

__all__ = [
    "SETTINGS",
    "Classifier",
    "EncoderUNet",
    "PlainBody",
    "Probed",
    "SegmentationRecipe",
    "Segmenter",
    "UNet",
    "as_rgb",
    "channels_last",
    "count_parameters",
    "dice",
    "dice_of_everything",
    "load_segmenter",
    "open_segmenter",
    "resize_planes",
    "scale_planes",
    "timm_body",
    "timm_encoder",
]
