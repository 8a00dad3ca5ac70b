"""`plimsoll explain` and `plimsoll workloads`: what the autoscaler decided, and why."""
