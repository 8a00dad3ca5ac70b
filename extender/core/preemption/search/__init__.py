"""Who leaves at least cost? In numbers alone, over a field that was made of the cluster."""
