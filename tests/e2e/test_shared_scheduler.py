"""The extender behind a kube-scheduler that others share: one of two places pods, by a Lease of its own, over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.local import configurations
from tests.certificates import self_signed
from tests.e2e import pods
from tests.e2e.answering import status_of, trusting
from tests.e2e.extenders import Certificates, Extender, Service, extenders
from tests.e2e.sharing import SHARED, relay, shared
from tests.e2e.standby import TAKE_OVER_S, Misfortune, Pair, suffering

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deploy.local import LocalCluster

NOBODYS = {
    "Pod": {"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": {"containers": []}},
    "NodeNames": [],
}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.made(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def pair(
    cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[Pair[Extender]]:
    with extenders(cluster, tmp_path_factory.mktemp("extenders"), certificates) as both:
        yield both


@pytest.fixture(scope="module")
def service(pair: Pair[Extender]) -> Iterator[Service]:
    running = Service(pair)
    yield running
    running.close()


@pytest.fixture
def direct(cluster: LocalCluster, service: Service, certificates: Certificates) -> Iterator[None]:
    """The default scheduler calls the extender itself."""
    service.probe()
    calls = configurations.direct_scheduler(
        kubeconfig=cluster.kubeconfig(SHARED), extender_url=service.url, tls=certificates.tls_config()
    )
    with shared(cluster, calls):
        yield


@pytest.fixture
def relayed(cluster: LocalCluster, service: Service, certificates: Certificates, tmp_path: Path) -> Iterator[None]:
    """It calls a relay, which calls the extender."""
    service.probe()
    kubeconfig = cluster.kubeconfig(SHARED)
    with (
        relay(service.url, tmp_path / "relay.log", certificates.relay_flags()) as url,
        shared(cluster, configurations.shared_scheduler(kubeconfig=kubeconfig, relay_url=url)),
    ):
        yield


def verb(extender: Extender, name: str) -> str:
    return f"https://localhost:{extender.verbs}/{name}"


def placed(cluster: LocalCluster, namespace: str, first: int) -> None:
    """Create four pods, and wait until they have their devices."""
    pods.create(cluster, namespace, [pods.fraction(f"p{first + number}", "0.25") for number in range(4)])
    pods.wait_bound(cluster, namespace, first + 4)
    assert max(pods.used(cluster).values()) <= 1000


def test_of_two_extenders_one_is_ready_and_the_other_answers_no_verb(
    pair: Pair[Extender], certificates: Certificates
) -> None:
    leader = pair.leader()
    other = pair.other(leader)
    assert (leader.ready(), other.ready()) == (True, False)
    assert other.says().startswith("follows: ")
    tls = trusting(certificates.file("ca.crt"), (certificates.file("client.crt"), certificates.file("client.key")))
    tls.check_hostname = False  # the certificate is for the name of the Service
    assert [status_of(verb(each, "filter"), NOBODYS, tls) for each in (leader, other)] == [200, 503]


def test_no_verb_is_answered_to_whoever_shows_no_certificate_or_one_of_another_authority(
    pair: Pair[Extender], certificates: Certificates, tmp_path: Path
) -> None:
    leader = pair.leader()
    for own, answered in ((None, 403), (self_signed(tmp_path, "stranger"), 0)):
        tls = trusting(certificates.file("ca.crt"), own)
        tls.check_hostname = False
        statuses = {status_of(verb(leader, name), NOBODYS, tls) for name in ("filter", "prioritize", "bind")}
        assert statuses == {answered}
    # What the extender shows is no proof that its bearer may ask.
    tls = trusting(certificates.file("ca.crt"), (certificates.file("tls.crt"), certificates.file("tls.key")))
    tls.check_hostname = False
    assert status_of(verb(leader, "bind"), NOBODYS, tls) == 0
    assert status_of(verb(leader, "bind").replace("https", "http"), NOBODYS) == 0


@pytest.mark.usefixtures("direct")
def test_kube_scheduler_places_pods_over_tls_by_its_certificate_and_goes_on_with_the_other_when_the_leader_is_killed(
    cluster: LocalCluster, pair: Pair[Extender], service: Service, managed_namespace: str
) -> None:
    placed(cluster, managed_namespace, 0)
    with suffering(pair, Misfortune.KILLED) as (leading, seconds):
        assert seconds is not None
        assert seconds < TAKE_OVER_S
        assert service.probe() is leading
        placed(cluster, managed_namespace, 4)


@pytest.mark.usefixtures("direct")
def test_kube_scheduler_leaves_a_leader_that_lost_its_lease_and_still_answers(
    cluster: LocalCluster, pair: Pair[Extender], service: Service, managed_namespace: str
) -> None:
    placed(cluster, managed_namespace, 0)
    with suffering(pair, Misfortune.CUT_FROM_API_SERVER) as (leading, _):
        assert service.probe() is leading
        placed(cluster, managed_namespace, 4)


@pytest.mark.usefixtures("relayed")
def test_a_relay_finds_the_one_that_leads_over_tls_by_its_certificate(
    cluster: LocalCluster, pair: Pair[Extender], service: Service, managed_namespace: str
) -> None:
    placed(cluster, managed_namespace, 0)
    with suffering(pair, Misfortune.STOPPED) as (leading, _):
        assert service.probe() is leading
        placed(cluster, managed_namespace, 4)
