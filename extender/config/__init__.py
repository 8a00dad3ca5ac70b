"""What may an SRE set for the extender, and by which rule? ConfigMap keys, read into one frozen value."""
