"""What the demo computes: values in, values out."""
