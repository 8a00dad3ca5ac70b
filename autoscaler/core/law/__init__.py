"""How many replicas does a load ask for? The law of Knative's autoscaler, for all workloads at once."""
