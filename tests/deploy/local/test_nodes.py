from __future__ import annotations

from deploy.local.nodes import gpu_node


def test_a_node_tells_the_same_in_labels_and_capacity() -> None:
    node = gpu_node("gpu-00", gpus=8, product="NVIDIA-H100-80GB-HBM3", memory_mib=81_559)
    labels = node["metadata"]["labels"]
    assert labels["nvidia.com/gpu.product"] == "NVIDIA-H100-80GB-HBM3"
    assert labels["nvidia.com/gpu.memory"] == "81559"
    assert labels["nvidia.com/gpu.count"] == "8"
    assert node["status"]["capacity"]["nvidia.com/gpu"] == node["status"]["allocatable"]["nvidia.com/gpu"] == "8"
    assert labels["plimsoll.dev/devices"] == "owned"
