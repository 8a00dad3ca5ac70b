"""Where does a pod go? Wherever it fits, and of those nodes where it costs the pods to come the least."""
