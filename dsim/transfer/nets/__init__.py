"""Networks: modules that import torch at their top, and are imported when a network is built."""
