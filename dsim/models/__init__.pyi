from .classifier import Classifier, PlainBody, timm_body
from .recipe import SETTINGS, SegmentationRecipe
from .segmenter import Probed, Segmenter, dice, dice_of_everything, load_segmenter, of_model
from .tiles import as_rgb, channels_last, resized, scaled
from .unet import EncoderUNet, UNet, size, timm_encoder

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
    "dice",
    "dice_of_everything",
    "load_segmenter",
    "of_model",
    "resized",
    "scaled",
    "size",
    "timm_body",
    "timm_encoder",
]
