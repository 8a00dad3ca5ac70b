"""What may an SRE set, where, and by which rule? ConfigMap keys and annotations, read into frozen values.

`defaults` and `deployment` read the two ConfigMaps, `resolve` one workload's annotations on top of them. Each returns
the values and every problem at once; where there is any problem the values are only for whoever wants to know what
Knative would make of them. docs/configuration.md is the reference for people.
"""

from autoscaler.config.cluster import Defaults, DeploymentDefaults, defaults, deployment
from autoscaler.config.resolution import Resolved, resolve
from kube.problem import Problem

__all__ = ["Defaults", "DeploymentDefaults", "Problem", "Resolved", "defaults", "deployment", "resolve"]
