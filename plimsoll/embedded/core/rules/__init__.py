"""What each kind of object is given, must be and may become."""
