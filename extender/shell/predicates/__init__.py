"""How are pods, nodes and volumes of Kubernetes read into what the predicates know of them?"""
