"""Live pictures: for each, one Python file and one ES module that draws in the browser."""

from .attention import AttentionWidget
from .distribution import DistributionWidget
from .grids import GridsWidget
from .loss import LossWidget
from .steps import StepsWidget
from .strips import StripsWidget

__all__ = [
    "AttentionWidget",
    "DistributionWidget",
    "GridsWidget",
    "LossWidget",
    "StepsWidget",
    "StripsWidget",
]
