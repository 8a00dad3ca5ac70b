"""What the autoscaler reads from a real Prometheus: raw samples at their own times, and clear words when it cannot."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from autoscaler.core.load.observation import LastKnown, Samples, observe
from autoscaler.core.load.queries import OWN_QUERY, Place, TargetLabels, places, quoted, substituted
from autoscaler.core.model import Metric, Question, Reading, Seen
from autoscaler.shell.connection import Access
from autoscaler.shell.prometheus import Prometheus
from autoscaler.shell.source import SamplesError
from tests.certificates import self_signed
from tests.integration.scraping import Exporter, running_prometheus, serving_pages, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VLLM = Question()

# What no object of Kubernetes may be called, but whoever writes metrics may.
HOSTILE = ('a"b', "a\\", "a}", "a|.*", "ä\n$", "'`{")


@pytest.fixture(scope="module")
def exporter() -> Iterator[Exporter]:
    with serving_pages() as exporter:
        yield exporter


@pytest.fixture(scope="module")
def url(exporter: Exporter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    jobs: list[dict[str, Any]] = [
        {
            "job_name": pod,
            "scrape_interval": interval,
            "scrape_timeout": "1s",
            "metrics_path": f"/{pod}",
            "static_configs": [{"targets": [f"127.0.0.1:{exporter.port}"], "labels": {"namespace": "ns", "pod": pod}}],
        }
        for pod, interval in (("a", "1s"), ("b", "1s"), ("slow", "3s"))
    ]
    # Names of their own on the page win here, and a replica writes its own.
    jobs.append(
        {
            "job_name": "hostile",
            "scrape_interval": "1s",
            "scrape_timeout": "1s",
            "honor_labels": True,
            "metrics_path": "/hostile",
            "static_configs": [{"targets": [f"127.0.0.1:{exporter.port}"]}],
        }
    )
    with running_prometheus(tmp_path_factory.mktemp("prometheus"), jobs, "--query.max-samples=2000") as address:
        yield address


def ask(prometheus: Prometheus | str, question: Question = VLLM) -> Samples | SamplesError:
    asked = Prometheus(Access(prometheus)) if isinstance(prometheus, str) else prometheus
    return asyncio.run(asked.samples([question]))[question]


def answer(prometheus: Prometheus | str, question: Question = VLLM) -> Samples:
    samples = ask(prometheus, question)
    assert isinstance(samples, Samples), samples
    return samples


def page(running: str, waiting: str) -> str:
    return f'vllm:num_requests_running{{engine="0"}} {running}\nvllm:num_requests_waiting{{engine="0"}} {waiting}\n'


def last_seconds(
    samples: Samples, where: tuple[Place, ...], count: int = 1, known: LastKnown | None = None
) -> list[tuple[float, Seen]]:
    now = int(time.time())
    _, seconds = observe(samples, where, known or LastKnown(), range(now - count, now))
    return [(second.load, second.seen) for second in seconds]


AB = places(Reading(VLLM), "ns", ["a", "b"])


def test_the_load_of_a_pod_is_what_runs_and_what_waits_second_by_second(url: str, exporter: Exporter) -> None:
    exporter.pages |= {"/a": page("3", "4"), "/b": page("1", "0")}
    wait_until(lambda: last_seconds(answer(url), AB, 3) == [(8.0, Seen.ALL)] * 3)


def test_samples_carry_their_own_times_not_that_of_the_question(url: str, exporter: Exporter) -> None:
    exporter.pages["/slow"] = page("1", "0")
    prometheus = Prometheus(Access(url))  # looks further back when it knows how long an interval is
    place = ("ns", "slow")
    wait_until(lambda: place in (found := answer(prometheus).by_place) and len(found[place].times) >= 4)
    steps = answer(prometheus).by_place[place]
    assert steps.interval_s == pytest.approx(3.0, abs=0.5)
    assert all(
        later - earlier == pytest.approx(3.0, abs=0.5)
        for earlier, later in zip(steps.times[:-2], steps.times[1:-1], strict=True)
    )


@pytest.mark.parametrize("fault", [None, page("NaN", "NaN"), page("5", "NaN"), page("-1", "+Inf"), "no metrics here"])
def test_a_pod_whose_page_is_away_or_says_no_number_is_not_measured(
    url: str, exporter: Exporter, fault: str | None
) -> None:
    exporter.pages |= {"/a": page("5", "0"), "/b": page("1", "0")}
    known = LastKnown({("ns", "b"): 1.0}, 6.0)
    prometheus = Prometheus(Access(url))
    wait_until(lambda: last_seconds(answer(prometheus), AB, known=known) == [(6.0, Seen.ALL)])
    if fault is None:
        del exporter.pages["/b"]
    else:
        exporter.pages["/b"] = fault
    wait_until(lambda: last_seconds(answer(prometheus), AB, known=known) == [(6.0, Seen.PART)])


def tells(url: str, place: Place, load: float) -> bool:
    return last_seconds(answer(url), (place,)) == [(load, Seen.ALL)]


def test_hostile_names_are_found_and_mean_nothing_else(url: str, exporter: Exporter) -> None:
    exporter.pages["/hostile"] = "".join(
        f'vllm:num_requests_running{{namespace={json.dumps(name, ensure_ascii=False)},pod="p"}} {number}\n'
        f"envoy_cluster_upstream_rq_active{{envoy_cluster_name={json.dumps(name, ensure_ascii=False)}}} {number}\n"
        for number, name in enumerate(HOSTILE, start=1)
    )
    for number, name in enumerate(HOSTILE, start=1):
        keyed = Reading(Question(preset="envoy"), name)
        query = substituted('sum(vllm:num_requests_running{namespace="$namespace",pod="$name"})', name, "p")
        own = Question(query=query)
        wait_until(partial(tells, url, (name, "p"), number))
        assert last_seconds(answer(url, keyed.question), places(keyed, "any", [])) == [(number, Seen.ALL)]
        assert answer(url, own).by_place[OWN_QUERY].loads[0] == number
        assert quoted(name)[1:-1] in query


def test_replicas_that_scrape_the_same_pod_count_once(url: str, exporter: Exporter) -> None:
    exporter.pages["/hostile"] = "".join(
        f'{metric}{{namespace="twice",pod="p",replica="{replica}"}} 4\n'
        for metric in ("vllm:num_requests_running", "vllm:num_requests_waiting")
        for replica in (0, 1)
    )
    once = Prometheus(Access(url), TargetLabels(replicas=("replica",)))
    wait_until(partial(tells, url, ("twice", "p"), 16.0))
    assert last_seconds(answer(once), (("twice", "p"),)) == [(8.0, Seen.ALL)]


@pytest.mark.parametrize(
    ("query", "loads"),
    [
        ('sum(up{job="a"}) * 0 + 7', [7.0]),
        ("scalar(vector(3))", [3.0]),
        ("vector(0)", [0.0]),
        ('label_replace(vector(2), "x", "1", "", "") or vector(5)', [7.0]),
    ],
)
def test_an_own_query_counts_with_its_sum(url: str, exporter: Exporter, query: str, loads: list[float]) -> None:
    exporter.pages["/a"] = page("1", "0")
    wait_until(lambda: isinstance(ask(url, Question(query=query)), Samples))
    steps = answer(url, Question(query=query)).by_place[OWN_QUERY]
    assert list(steps.loads[:-1]) == loads
    assert steps.times[0] == pytest.approx(time.time(), abs=5)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("nobody_exports_this", "the query returns nothing: that is no zero"),
        ("vector(0) / 0", "the query returns nan, which is no load"),
        ("vector(1) / 0", "the query returns inf, which is no load"),
        ("up[10s]", "the query returns a matrix and must return an instant vector or a scalar"),
        ('"text"', "the query returns a string and must return an instant vector or a scalar"),
        ("sum(", "HTTP 400 Bad Request: bad_data: "),
        ("vector(1) + on() (vector(1) or label_replace(vector(2), 'x', '1', '', ''))", "HTTP 422 "),
    ],
)
def test_an_own_query_that_gives_no_number_is_told(url: str, query: str, said: str) -> None:
    error = ask(url, Question(query=query))
    assert isinstance(error, SamplesError)
    assert str(error).startswith(said)


def test_a_question_about_too_many_samples_says_what_helps(url: str) -> None:
    error = ask(url, Question(query="sum(sum_over_time((vector(1))[3h:1s]))"))
    assert isinstance(error, SamplesError)
    assert "Raise Prometheus' --query.max-samples" in str(error)


def test_no_samples_is_an_answer_and_not_an_error(url: str) -> None:
    assert answer(url, Question(Metric.RPS, "tgi")).by_place == {}


def test_a_server_that_is_no_prometheus_is_an_error_with_a_sentence(exporter: Exporter) -> None:
    assert str(ask(f"http://127.0.0.1:{exporter.port}")) == "HTTP 503 Service Unavailable"


# The hash of "correct horse", with few rounds: it guards nothing.
BCRYPT = "$2b$04$g9Hzjl7TChdcZerIMacb7.mLh5Tk8zqzFu3.aZlA6iFU/EcKhVOQe"


def test_tls_a_client_certificate_and_a_password_are_what_prometheus_wants(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path, "prometheus")
    ours, our_key = self_signed(tmp_path, "ours")
    password, wrong = tmp_path / "password", tmp_path / "wrong"
    password.write_text("correct horse\n")
    wrong.write_text("wrong\n")
    web = {
        "tls_server_config": {
            "cert_file": str(certificate),
            "key_file": str(key),
            "client_ca_file": str(ours),
            "client_auth_type": "VerifyClientCertIfGiven",
        },
        "basic_auth_users": {"me": BCRYPT},
    }
    (tmp_path / "web.yml").write_text(json.dumps(web))
    with running_prometheus(tmp_path, [], f"--web.config.file={tmp_path / 'web.yml'}", scheme="https") as url:
        welcome = Access(url, certificate, user="me", password_file=password)
        known_twice = replace(welcome, client_certificate=ours, client_key=our_key)
        assert answer(Prometheus(welcome)).by_place == {}
        assert answer(Prometheus(known_twice)).by_place == {}
        refused = {
            Access(url, certificate, user="me", password_file=wrong): "HTTP 401 Unauthorized: Unauthorized. The cred",
            Access(url, certificate): "HTTP 401 Unauthorized: Unauthorized. The credentials for Prometheus are missing",
            Access(url, user="me", password_file=password): f"TLS with {url} failed: ",
            Access(url.replace("https", "http"), certificate): "HTTP 400 Bad Request: Client sent an HTTP request to",
        }
        for access, said in refused.items():
            assert str(ask(Prometheus(access))).startswith(said)
