"""Every decision of the embedded cluster; values in, values out."""
