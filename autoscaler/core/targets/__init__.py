"""Which workloads are there, whose is each pod, who else sets their replicas, and when do we write?"""
