"""What do Kubernetes' Go types say of fields that the `kubernetes` client's models leave out?

After k8s.io/api and k8s.io/apimachinery v0.36, for the kinds of the embedded cluster: the `json` tags of the types, and
x-kubernetes-list-type, -list-map-keys and -map-type of the OpenAPI document that a 1.36 API server serves.
"""

from __future__ import annotations

KEYS: dict[str, tuple[str, ...]] = {
    "V1Container.env": ("name",),
    "V1Container.ports": ("containerPort", "protocol"),
    "V1Container.volumeDevices": ("devicePath",),
    "V1Container.volumeMounts": ("mountPath",),
    "V1ContainerStatus.allocatedResourcesStatus": ("name",),
    "V1ContainerStatus.volumeMounts": ("mountPath",),
    "V1DeploymentStatus.conditions": ("type",),
    "V1EphemeralContainer.env": ("name",),
    "V1EphemeralContainer.ports": ("containerPort", "protocol"),
    "V1EphemeralContainer.volumeDevices": ("devicePath",),
    "V1EphemeralContainer.volumeMounts": ("mountPath",),
    "V1NamespaceStatus.conditions": ("type",),
    "V1NodeStatus.addresses": ("type",),
    "V1NodeStatus.conditions": ("type",),
    "V1ObjectMeta.ownerReferences": ("uid",),
    "V1PodDisruptionBudgetStatus.conditions": ("type",),
    "V1PodSpec.containers": ("name",),
    "V1PodSpec.ephemeralContainers": ("name",),
    "V1PodSpec.hostAliases": ("ip",),
    "V1PodSpec.imagePullSecrets": ("name",),
    "V1PodSpec.initContainers": ("name",),
    "V1PodSpec.resourceClaims": ("name",),
    "V1PodSpec.schedulingGates": ("name",),
    "V1PodSpec.topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "V1PodSpec.volumes": ("name",),
    "V1PodStatus.conditions": ("type",),
    "V1PodStatus.podIPs": ("ip",),
    "V1PodStatus.resourceClaimStatuses": ("name",),
    "V1ReplicaSetStatus.conditions": ("type",),
    "V1ResourceRequirements.claims": ("name",),
    "V1ResourceStatus.resources": ("resourceID",),
    "V1ServiceSpec.ports": ("port", "protocol"),
    "V1ServiceStatus.conditions": ("type",),
}
"""The lists whose items are known by keys; all others but the sets are atomic."""

KEY_DEFAULTS: dict[str, str | int] = {"containerPort": 0, "port": 0, "protocol": "TCP"}
"""The values of keys that an item leaves out; of all others it is ""."""

SETS = frozenset({
    "V1ContainerRestartRuleOnExitCodes.values",
    "V1NodeAllocatableResourceClaimStatus.containers",
    "V1NodeSpec.podCIDRs",
    "V1ObjectMeta.finalizers",
})  # fmt: skip
"""The lists whose items are known by their values."""

ATOMIC = frozenset({
    "V1ConfigMapKeySelector", "V1FileKeySelector", "V1LabelSelector", "V1LocalObjectReference", "V1NodeSelector",
    "V1NodeSelectorTerm", "V1ObjectFieldSelector", "V1ObjectReference", "V1OwnerReference", "V1PodSpec.nodeSelector",
    "V1ResourceFieldSelector", "V1SecretKeySelector", "V1ServiceSpec.selector", "V1TypedLocalObjectReference",
})  # fmt: skip
"""The structs and maps that have one owner as a whole."""

ALWAYS: dict[str, str] = {
    "V1AWSElasticBlockStoreVolumeSource": "volumeID",
    "V1AppArmorProfile": "type",
    "V1AttachedVolume": "name devicePath",
    "V1AzureDiskVolumeSource": "diskName diskURI",
    "V1AzureFileVolumeSource": "secretName shareName",
    "V1Binding": "metadata target",
    "V1CSIVolumeSource": "driver",
    "V1CephFSVolumeSource": "monitors",
    "V1CinderVolumeSource": "volumeID",
    "V1ClusterTrustBundleProjection": "path",
    "V1Condition": "type status lastTransitionTime reason message",
    "V1ConfigMap": "metadata",
    "V1ConfigMapKeySelector": "key",
    "V1ConfigMapNodeConfigSource": "namespace name kubeletConfigKey",
    "V1Container": "name resources",
    "V1ContainerExtendedResourceRequest": "containerName resourceName requestName",
    "V1ContainerImage": "names",
    "V1ContainerPort": "containerPort",
    "V1ContainerResizePolicy": "resourceName restartPolicy",
    "V1ContainerStateRunning": "startedAt",
    "V1ContainerStateTerminated": "exitCode startedAt finishedAt",
    "V1ContainerStatus": "name state lastState ready restartCount image imageID",
    "V1DaemonEndpoint": "Port",
    "V1Deployment": "metadata spec status",
    "V1DeploymentCondition": "type status lastUpdateTime lastTransitionTime",
    "V1DeploymentSpec": "selector template strategy",
    "V1DownwardAPIVolumeFile": "path",
    "V1EnvVar": "name",
    "V1EphemeralContainer": "name resources",
    "CoreV1Event": (
        "metadata involvedObject source firstTimestamp lastTimestamp eventTime reportingComponent reportingInstance"
    ),
    "CoreV1EventSeries": "lastObservedTime",
    "V1Eviction": "metadata",
    "V1FileKeySelector": "volumeName path key",
    "V1FlexVolumeSource": "driver",
    "V1GCEPersistentDiskVolumeSource": "pdName",
    "V1GRPCAction": "port service",
    "V1GitRepoVolumeSource": "repository",
    "V1GlusterfsVolumeSource": "endpoints path",
    "V1HTTPGetAction": "port",
    "V1HTTPHeader": "name value",
    "V1HostAlias": "ip",
    "V1HostIP": "ip",
    "V1HostPathVolumeSource": "path",
    "V1ISCSIVolumeSource": "targetPortal iqn lun",
    "V1KeyToPath": "key path",
    "V1LabelSelectorRequirement": "key operator",
    "V1Lease": "metadata spec",
    "V1LinuxContainerUser": "uid gid",
    "V1NFSVolumeSource": "server path",
    "V1Namespace": "metadata spec status",
    "V1NamespaceCondition": "type status lastTransitionTime",
    "V1Node": "metadata spec status",
    "V1NodeAddress": "type address",
    "V1NodeAllocatableResourceClaimStatus": "resourceClaimName resources",
    "V1NodeCondition": "type status lastHeartbeatTime lastTransitionTime",
    "V1NodeDaemonEndpoints": "kubeletEndpoint",
    "V1NodeRuntimeHandler": "name",
    "V1NodeSelector": "nodeSelectorTerms",
    "V1NodeSelectorRequirement": "key operator",
    "V1NodeStatus": "daemonEndpoints nodeInfo",
    "V1NodeSystemInfo": (
        "machineID systemUUID bootID kernelVersion osImage containerRuntimeVersion kubeletVersion "
        "kubeProxyVersion operatingSystem architecture"
    ),
    "V1ObjectFieldSelector": "fieldPath",
    "V1OwnerReference": "apiVersion kind name uid",
    "V1PersistentVolumeClaimSpec": "resources",
    "V1PersistentVolumeClaimTemplate": "metadata spec",
    "V1PersistentVolumeClaimVolumeSource": "claimName",
    "V1PhotonPersistentDiskVolumeSource": "pdID",
    "V1Pod": "metadata spec status",
    "V1PodAffinityTerm": "topologyKey",
    "V1PodCondition": "type status lastProbeTime lastTransitionTime",
    "V1PodDisruptionBudget": "metadata spec status",
    "V1PodDisruptionBudgetStatus": "disruptionsAllowed currentHealthy desiredHealthy expectedPods",
    "V1PodExtendedResourceClaimStatus": "requestMappings resourceClaimName",
    "V1PodIP": "ip",
    "V1PodOS": "name",
    "V1PodReadinessGate": "conditionType",
    "V1PodResourceClaim": "name",
    "V1PodResourceClaimStatus": "name",
    "V1PodSchedulingGate": "name",
    "V1PodSpec": "containers",
    "V1PodTemplateSpec": "metadata spec",
    "V1PortStatus": "port protocol",
    "V1PortworxVolumeSource": "volumeID",
    "V1PreferredSchedulingTerm": "weight preference",
    "V1PriorityClass": "metadata value",
    "V1ProjectedVolumeSource": "sources",
    "V1QuobyteVolumeSource": "registry volume",
    "V1RBDVolumeSource": "monitors image",
    "V1ReplicaSet": "metadata spec status",
    "V1ReplicaSetCondition": "type status lastTransitionTime",
    "V1ReplicaSetSpec": "selector template",
    "V1ReplicaSetStatus": "replicas",
    "CoreV1ResourceClaim": "name",
    "V1ResourceFieldSelector": "resource divisor",
    "V1ResourceHealth": "resourceID",
    "V1ResourceStatus": "name",
    "V1Scale": "metadata spec status",
    "V1ScaleIOVolumeSource": "gateway system secretRef",
    "V1ScaleStatus": "replicas",
    "V1SeccompProfile": "type",
    "V1SecretKeySelector": "key",
    "V1Service": "metadata spec status",
    "V1ServiceAccountTokenProjection": "path",
    "V1ServicePort": "port targetPort",
    "V1ServiceStatus": "loadBalancer",
    "V1SleepAction": "seconds",
    "V1Sysctl": "name value",
    "V1TCPSocketAction": "port",
    "V1Taint": "key effect",
    "V1TopologySpreadConstraint": "maxSkew topologyKey whenUnsatisfiable",
    "V1TypedLocalObjectReference": "apiGroup kind name",
    "V1TypedObjectReference": "apiGroup kind name",
    "V1Volume": "name",
    "V1VolumeDevice": "name devicePath",
    "V1VolumeMount": "name mountPath",
    "V1VolumeMountStatus": "name mountPath",
    "V1VsphereVirtualDiskVolumeSource": "volumePath",
    "V1WeightedPodAffinityTerm": "weight podAffinityTerm",
}
"""The fields that Go writes even where nothing was said: structs in place, and values without omitempty."""

TOLD_APART: dict[str, str] = {
    "V1AppArmorProfile": "localhostProfile",
    "V1AzureDiskVolumeSource": "cachingMode fsType readOnly kind",
    "V1CSIVolumeSource": "readOnly fsType",
    "V1ClientIPConfig": "timeoutSeconds",
    "V1ClusterTrustBundleProjection": "name signerName optional",
    "V1ConfigMap": "immutable",
    "V1ConfigMapEnvSource": "optional",
    "V1ConfigMapKeySelector": "optional",
    "V1ConfigMapProjection": "optional",
    "V1ConfigMapVolumeSource": "defaultMode optional",
    "V1Container": "restartPolicy",
    "V1ContainerStatus": "started stopSignal",
    "V1DeleteOptions": (
        "gracePeriodSeconds orphanDependents propagationPolicy ignoreStoreReadErrorWithClusterBreakingPotential"
    ),
    "V1DeploymentSpec": "replicas revisionHistoryLimit progressDeadlineSeconds",
    "V1DeploymentStatus": "terminatingReplicas collisionCount",
    "V1DownwardAPIVolumeFile": "mode",
    "V1DownwardAPIVolumeSource": "defaultMode",
    "V1EphemeralContainer": "restartPolicy",
    "V1FCVolumeSource": "lun",
    "V1FileKeySelector": "optional",
    "V1GRPCAction": "service",
    "V1HostPathVolumeSource": "type",
    "V1ISCSIVolumeSource": "initiatorName",
    "V1KeyToPath": "mode",
    "V1LeaseSpec": "holderIdentity leaseDurationSeconds leaseTransitions strategy preferredHolder",
    "V1Lifecycle": "stopSignal",
    "V1LoadBalancerIngress": "ipMode",
    "V1NodeFeatures": "supplementalGroupsPolicy",
    "V1NodeRuntimeHandlerFeatures": "recursiveReadOnlyMounts userNamespaces",
    "V1NodeSwapStatus": "capacity",
    "V1ObjectMeta": "deletionGracePeriodSeconds",
    "V1OwnerReference": "controller blockOwnerDeletion",
    "V1PersistentVolumeClaimSpec": "storageClassName volumeMode volumeAttributesClassName",
    "V1PodCertificateProjection": "maxExpirationSeconds",
    "V1PodDNSConfigOption": "value",
    "V1PodDisruptionBudgetSpec": "unhealthyPodEvictionPolicy",
    "V1PodResourceClaim": "resourceClaimName resourceClaimTemplateName",
    "V1PodResourceClaimStatus": "resourceClaimName",
    "V1PodSchedulingGroup": "podGroupName",
    "V1PodSecurityContext": (
        "runAsUser runAsGroup runAsNonRoot supplementalGroupsPolicy fsGroup fsGroupChangePolicy seLinuxChangePolicy"
    ),
    "V1PodSpec": (
        "terminationGracePeriodSeconds activeDeadlineSeconds automountServiceAccountToken "
        "shareProcessNamespace priority runtimeClassName enableServiceLinks preemptionPolicy "
        "setHostnameAsFQDN hostUsers hostnameOverride"
    ),
    "V1PortStatus": "error",
    "V1Preconditions": "resourceVersion",
    "V1PriorityClass": "preemptionPolicy",
    "V1Probe": "terminationGracePeriodSeconds",
    "V1ProjectedVolumeSource": "defaultMode",
    "V1ReplicaSetSpec": "replicas",
    "V1ReplicaSetStatus": "terminatingReplicas",
    "V1ResourceHealth": "message",
    "V1SeccompProfile": "localhostProfile",
    "V1SecretEnvSource": "optional",
    "V1SecretKeySelector": "optional",
    "V1SecretProjection": "optional",
    "V1SecretVolumeSource": "defaultMode optional",
    "V1SecurityContext": (
        "privileged runAsUser runAsGroup runAsNonRoot readOnlyRootFilesystem allowPrivilegeEscalation procMount"
    ),
    "V1ServiceAccountTokenProjection": "expirationSeconds",
    "V1ServicePort": "appProtocol",
    "V1ServiceSpec": (
        "ipFamilyPolicy allocateLoadBalancerNodePorts loadBalancerClass internalTrafficPolicy trafficDistribution"
    ),
    "V1Toleration": "tolerationSeconds",
    "V1TopologySpreadConstraint": "minDomains nodeAffinityPolicy nodeTaintsPolicy",
    "V1TypedLocalObjectReference": "apiGroup",
    "V1TypedObjectReference": "apiGroup namespace",
    "V1VolumeMount": "recursiveReadOnly mountPropagation",
    "V1VolumeMountStatus": "recursiveReadOnly",
    "V1WindowsSecurityContextOptions": "gmsaCredentialSpecName gmsaCredentialSpec runAsUserName hostProcess",
}
"""The scalars behind pointers: their zero is not the same as nothing."""

LONG = frozenset({
    "activeDeadlineSeconds", "capacity", "deletionGracePeriodSeconds", "expirationSeconds", "fsGroup", "generation",
    "gid", "gracePeriodSeconds", "observedGeneration", "runAsGroup", "runAsUser", "seconds", "sizeBytes",
    "supplementalGroups", "terminationGracePeriodSeconds", "tolerationSeconds", "uid",
})  # fmt: skip
"""The integers of 64 bits; all others have 32."""

MICROSECONDS = frozenset({"acquireTime", "eventTime", "lastObservedTime", "renewTime"})
"""The times that are written to the microsecond; all others are to the second."""

QUANTITIES = frozenset({
    "allocatable", "allocatedResources", "capacity", "divisor", "limits", "overhead", "requests", "sizeLimit",
})  # fmt: skip
"""The quantities, and the maps of them; the client's models call them strings."""

LATER: dict[str, str] = {
    "V1ClusterTrustBundleProjection": "user",
    "V1ConfigMapVolumeSource": "defaultUser",
    "V1DownwardAPIVolumeFile": "user",
    "V1DownwardAPIVolumeSource": "defaultUser",
    "V1EmptyDirVolumeSource": "mode",
    "V1GRPCAction": "mode",
    "V1HTTPGetAction": "protocol",
    "V1KeyToPath": "user",
    "V1NodeAllocatableResourceClaimStatus": "mapping overhead",
    "V1NodeSpec": "podPreemptionPolicy",
    "V1NodeSystemInfo": "runningInUserNamespace",
    "V1PodCertificateProjection": "user",
    "V1PodSpec": "evictionResponders schedulingGroup",
    "V1PodStatus": "volumeHealth",
    "V1ProjectedVolumeSource": "defaultUser",
    "V1SecretVolumeSource": "defaultUser",
    "V1ServiceAccountTokenProjection": "user",
    "V1VolumeMount": "bindMountOptions",
}
"""What the client's models have of 1.37, or of a feature that is off: a 1.36 API server does not keep it."""
