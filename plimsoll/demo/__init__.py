"""The demo a person watches: real requests raise and lower real replicas on a real control plane."""
