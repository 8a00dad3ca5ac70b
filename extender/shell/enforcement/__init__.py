"""How is a grant written for what enforces it on the node? One file for each backend."""
