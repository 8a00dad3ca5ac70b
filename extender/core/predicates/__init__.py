"""Which nodes suit a pod, by all that kube-scheduler looks at? Values in, values out."""
