"""What does a kube-scheduler that others share hear while the extender does not answer? No, at once."""
