"""The person's command line: uses both programs, is used by neither."""
