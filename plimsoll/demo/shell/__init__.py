"""What the demo does to the outside: servers, requests, watches, the screen."""
