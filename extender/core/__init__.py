"""Every decision of the extender: values in, values out; no clock, log, network or Kubernetes module."""
