"""`plimsoll observe`: what the autoscaler decided, beside what another one did."""
