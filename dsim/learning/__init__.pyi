from .trainer import TrainedModel, Trainer, train

__all__ = ["TrainedModel", "Trainer", "train"]
