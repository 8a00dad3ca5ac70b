"""Which policies can be replayed? Each is a setting of the same packer."""

from __future__ import annotations

from extender.core.packing.settings import Settings, Strategy

OURS = "fragmentation"

POLICIES = {
    OURS: Settings(),
    "fgd": Settings(strategy=Strategy.FGD, typical_share=95),
    "best-fit": Settings(strategy=Strategy.BEST_FIT),
    "spread": Settings(strategy=Strategy.SPREAD),
}
ALSO = {"ours": OURS}
"""Other names for them."""
