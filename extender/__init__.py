"""Which node, which devices, who gives way: a kube-scheduler extender that packs GPU fractions."""
