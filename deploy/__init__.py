"""How is Plimsoll put on a cluster? Manifests for any cluster, and under `local` a control plane of our own."""
