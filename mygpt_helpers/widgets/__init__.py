"""Live pictures: for each, one Python file and one ES module that draws in the browser."""

from .distribution import DistributionWidget
from .steps import StepsWidget

__all__ = ["DistributionWidget", "StepsWidget"]
