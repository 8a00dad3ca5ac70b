"""The Kubernetes API as both programs use it: transport, typed lists and watches, events. No policy lives here."""
