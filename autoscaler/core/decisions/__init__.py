"""What is decided at a tick, what is remembered, and why? Law, holds and bounds; reasons and records."""
