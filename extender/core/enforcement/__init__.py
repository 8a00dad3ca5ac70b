"""What is a pod given of its node's devices, so that the node enforces it? In no backend's own words."""
