"""Where does a pod go? Wherever it fits, and of those nodes where it costs the pods to come the least."""

from extender.core.packing.choice import Misfit
from extender.core.packing.tightest_first import best, costs, fits, placement

__all__ = ["Misfit", "best", "costs", "fits", "placement"]
