"""`plimsoll projects`: which quota has each project, who uses it, and what waits."""
