"""Which pod goes to which node, and when."""
