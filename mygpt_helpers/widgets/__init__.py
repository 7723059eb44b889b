"""Live pictures: for each, one Python file and one ES module that draws in the browser."""

from .distribution import DistributionWidget

__all__ = ["DistributionWidget"]
