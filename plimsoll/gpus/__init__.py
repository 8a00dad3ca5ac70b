"""`plimsoll gpus`: which devices there are, who holds them, and what would a new pod find."""
