"""How well would a policy pack a cluster's pods? A trace is played through the very core that serves kube-scheduler."""
