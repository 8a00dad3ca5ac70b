"""The loop of a scheduler, and its words with its extenders."""
