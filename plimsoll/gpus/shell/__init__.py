"""What speaks to the extender, and what others read."""
