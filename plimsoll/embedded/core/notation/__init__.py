"""How Kubernetes writes things: shapes, quantities, names, selectors, times."""
