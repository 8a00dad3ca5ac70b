"""How devices look to a person; no clock, no network."""
