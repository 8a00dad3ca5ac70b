"""The loops of the controllers."""
