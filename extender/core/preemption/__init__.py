"""Which pods leave so that others have room: fewest and cheapest, none in vain."""
