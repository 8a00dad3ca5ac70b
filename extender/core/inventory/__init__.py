"""Which GPUs of a node are ours to name? Decided from what others tell of them."""
