"""The kinds of part that make up the data room."""

from utils.registry import Registry

DATASETS = Registry("data set", given=("channels", "split"))
DEGRADATIONS = Registry("degradation")
LABELLERS = Registry("labeller")
REPRESENTATIONS = Registry("representation")
TRANSFORMS = Registry("transform")
