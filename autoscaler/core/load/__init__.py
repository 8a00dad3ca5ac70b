"""What is the load? What is asked of Prometheus, and one value a second of what it answers."""
