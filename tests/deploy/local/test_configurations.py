from __future__ import annotations

from pathlib import Path

import yaml

from deploy.local import configurations
from deploy.local.places import DEPLOY

SHIPPED = yaml.safe_load((DEPLOY / "programs" / "scheduler.yaml").read_text())
KUBECONFIG = Path("/somewhere/kubeconfig")


def test_the_local_scheduler_runs_the_shipped_configuration_but_for_addresses_and_election() -> None:
    local = configurations.own_scheduler(kubeconfig=KUBECONFIG, extender_url="http://127.0.0.1:1")
    assert local["clientConnection"].pop("kubeconfig") == str(KUBECONFIG)
    assert local["extenders"][0].pop("urlPrefix") == "http://127.0.0.1:1"
    assert local.pop("leaderElection") == {"leaderElect": False}
    shipped = SHIPPED | {"extenders": [{k: v for k, v in SHIPPED["extenders"][0].items() if k != "urlPrefix"}]}
    assert local == {key: value for key, value in shipped.items() if key != "leaderElection"}


def test_the_default_scheduler_differs_only_in_name_and_extender() -> None:
    own = configurations.own_scheduler(kubeconfig=KUBECONFIG, extender_url="http://127.0.0.1:1")
    default = configurations.default_scheduler(kubeconfig=KUBECONFIG)
    assert "extenders" not in default
    assert default["profiles"] == [{"schedulerName": "default-scheduler"}]
    same = set(own) - {"extenders", "profiles"}
    assert {key: own[key] for key in same} == {key: default[key] for key in same}


def test_marked_pods_have_a_scheduler_without_an_extender_that_passes_over_the_same_resources() -> None:
    default = configurations.default_scheduler(kubeconfig=KUBECONFIG)
    both = configurations.default_scheduler_of_marked_pods(kubeconfig=KUBECONFIG)
    assert both["profiles"][:1] == default["profiles"]
    assert both["profiles"][1:] == [
        {
            "schedulerName": configurations.NO_EXTENDER,
            "pluginConfig": [{"name": "NodeResourcesFit", "args": {"ignoredResources": ["plimsoll.dev/gpu"]}}],
        }
    ]
    assert both == default | {"profiles": both["profiles"]}


def test_a_shared_scheduler_runs_the_example_but_for_addresses_and_election() -> None:
    example = yaml.safe_load((DEPLOY / "overlays" / "shared-scheduler" / "kube-scheduler.yaml").read_text())
    local = configurations.shared_scheduler(kubeconfig=KUBECONFIG, relay_url="http://127.0.0.1:1")
    assert local["clientConnection"] == example["clientConnection"] | {"kubeconfig": str(KUBECONFIG)}
    assert local["extenders"] == [example["extenders"][0] | {"urlPrefix": "http://127.0.0.1:1"}]
    same = set(example) - {"clientConnection", "leaderElection", "extenders"}
    assert {key: local[key] for key in same} == {key: example[key] for key in same}


def test_one_without_the_relay_has_its_own_certificates_or_none() -> None:
    files = {"caFile": "/ca", "certFile": "/cert", "keyFile": "/key"}
    url = "https://127.0.0.1:1"
    (extender,) = configurations.direct_scheduler(kubeconfig=KUBECONFIG, extender_url=url, tls=files)["extenders"]
    assert (extender["urlPrefix"], extender["enableHTTPS"]) == (url, True)
    assert extender["tlsConfig"].items() > files.items()
    (clear,) = configurations.direct_scheduler(kubeconfig=KUBECONFIG, extender_url=url, tls=None)["extenders"]
    assert not {"enableHTTPS", "tlsConfig"} & set(clear)


def test_prometheus_scrapes_the_listed_targets_and_our_programs_every_second() -> None:
    made = configurations.prometheus(targets=Path("/t.json"), programs={"extender": "127.0.0.1:1"})
    assert made["global"]["scrape_interval"] == "1s"
    workloads, extender = made["scrape_configs"]
    assert workloads["file_sd_configs"][0]["files"] == ["/t.json"]
    assert extender["static_configs"] == [{"targets": ["127.0.0.1:1"]}]
