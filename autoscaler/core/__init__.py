"""Every decision of the autoscaler: values in, values out; no clock, log, network or Kubernetes module."""
