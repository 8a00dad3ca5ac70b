"""What the controllers do about the objects there are."""
