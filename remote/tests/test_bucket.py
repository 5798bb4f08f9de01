"""Prepared data in buckets, through TensorStore's own drivers: S3 of a real moto, and Google's JSON API of gcs_server.py."""

import json
import os
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from conftest import ROOT, run_node, write_json
from gcs_server import TOKEN, GcsServer
from runs import exit_of, history, make_run, make_text, of_kind, tiny_spec, train
from switchyard_jax.data import bucket as bucket_module
from switchyard_jax.data.bucket import BucketFolder, open_bucket
from switchyard_jax.failure import RunFailure, StopAsked
from test_workers import MESH, spec_of, start_both


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """Its address."""
    server = subprocess.Popen([run_node(ROOT / "remote/tests/motoPython.ts"), ROOT / "remote/tests/moto_server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert server.stdin and server.stdout
    try:
        yield server.stdout.readline().strip()
    finally:
        server.stdin.close()
        server.wait(20)


class Store:
    """A bucket of either kind: its scheme, and the way objects get into it."""

    def __init__(self, scheme: str, put: Callable[[str, str, bytes], None], gcs: GcsServer | None) -> None:
        self.scheme, self.put, self.gcs = scheme, put, gcs

    def folder(self, place: str, to: Path, report: Any = lambda *_: None) -> BucketFolder:
        return BucketFolder(f"{self.scheme}://{place}", to, report)


@pytest.fixture
def gcs(monkeypatch: pytest.MonkeyPatch) -> Iterator[GcsServer]:
    server = GcsServer()
    for name, value in {"TENSORSTORE_GCS_HTTP_URL": server.url, "GOOGLE_AUTH_TOKEN_FOR_TESTING": TOKEN}.items():
        monkeypatch.setenv(name, value)
    yield server
    server.end()


@pytest.fixture
def s3(moto: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name, value in {"AWS_ENDPOINT_URL": moto, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)

    def put(bucket: str, name: str, content: bytes) -> None:
        urllib.request.urlopen(urllib.request.Request(f"{moto}/{bucket}", method="PUT"), timeout=20).read()
        open_bucket(f"s3://{bucket}").write(name, content).result()

    return Store("s3", put, None)


@pytest.fixture(params=["gs", "s3"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "s3":
        return request.getfixturevalue("s3")
    server = request.getfixturevalue("gcs")
    return Store("gs", server.put, server)


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_module, "RANGE_BYTES", 1000)
    monkeypatch.setattr(bucket_module, "RANGES_AHEAD", 3)
    monkeypatch.setattr(bucket_module, "WAIT_SECONDS", 0.02)


CONTENT = os.urandom(10_500)


@pytest.mark.usefixtures("small_ranges")
def test_a_file_is_brought_whole_and_once_for_each_version(tmp_path: Path, store: Store) -> None:
    told: list[tuple[str, float, float | None, str]] = []
    store.put("texts", "a/b/training.bin", CONTENT)
    path = store.folder("texts/a/b/", tmp_path / "to", lambda *words: told.append(words)).file("training.bin", len(CONTENT))
    assert path.read_bytes() == CONTENT
    assert told[0] == ("reading-data", 0, len(CONTENT), "bytes") and told[-1] == ("reading-data", len(CONTENT), len(CONTENT), "bytes")
    facts = path.stat()
    again = store.folder("texts/a/b", tmp_path / "to")
    assert again.file("training.bin", 9000) == path
    assert path.stat().st_ino == facts.st_ino and path.stat().st_mtime_ns == facts.st_mtime_ns
    # A run that reads the old one goes on with it.
    store.put("texts", "a/b/training.bin", CONTENT[::-1])
    changed = store.folder("texts/a/b", tmp_path / "to")
    other = changed.file("training.bin", 3000)
    assert (other.read_bytes(), path.read_bytes()) == (CONTENT[::-1][:3000], CONTENT)
    assert changed.version != again.version
    assert sorted(file.name for file in (tmp_path / "to").iterdir()) == sorted([".lock", path.name, other.name])


@pytest.mark.usefixtures("small_ranges")
def test_what_was_cut_off_goes_on(tmp_path: Path, gcs: GcsServer) -> None:
    gcs.put("texts", "training.bin", CONTENT)

    def stop(_: str, done: float, *__: Any) -> None:
        if done >= 5000:
            raise StopAsked

    with pytest.raises(StopAsked):
        BucketFolder("gs://texts", tmp_path, stop).file("training.bin", len(CONTENT))
    gcs.asked.clear()
    assert BucketFolder("gs://texts", tmp_path, lambda *_: None).file("training.bin", len(CONTENT)).read_bytes() == CONTENT
    assert min(range_ for _, what, range_ in gcs.asked if what == "media" and len(range_) == len("bytes=4000-4999")) == "bytes=4000-4999"


@pytest.mark.usefixtures("small_ranges")
def test_of_several_processes_one_brings_a_file(tmp_path: Path, gcs: GcsServer) -> None:
    gcs.put("texts", "training.bin", CONTENT)
    found: list[Path] = []
    readers = [Thread(target=lambda: found.append(BucketFolder("gs://texts", tmp_path, lambda *_: None).file("training.bin", len(CONTENT)))) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len(found) == 4 and set(found) == {found[0]} and found[0].read_bytes() == CONTENT
    ranges = [range_ for _, what, range_ in gcs.asked if what == "media"]
    assert len(ranges) == len(set(ranges)) == 11


def test_a_file_that_changes_while_it_is_read_is_not_kept(tmp_path: Path, gcs: GcsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_module, "RANGE_BYTES", 1000)
    monkeypatch.setattr(bucket_module, "RANGES_AHEAD", 1)
    gcs.put("texts", "training.bin", CONTENT)
    gcs.before = lambda _, range_: gcs.put("texts", "training.bin", CONTENT[::-1]) if range_ == "bytes=3000-3999" else None
    with pytest.raises(RunFailure, match=r"^gs://texts/training\.bin was changed while it was read; start the run again once nobody writes there\.$"):
        BucketFolder("gs://texts", tmp_path, lambda *_: None).file("training.bin", len(CONTENT))
    gcs.before = lambda *_: None
    assert BucketFolder("gs://texts", tmp_path, lambda *_: None).file("training.bin", len(CONTENT)).read_bytes() == CONTENT[::-1]


def refusal(work: Callable[[], Any]) -> str:
    with pytest.raises(RunFailure) as raised:
        work()
    return f"{raised.value.reason}: {raised.value}"


def test_what_is_not_there_is_said_in_a_sentence(tmp_path: Path, store: Store) -> None:
    missing = "the bucket does not exist, or no prepared data lie there; correct the address, or copy the folder of prepared data there whole."
    store.put("texts", "other/training.bin", CONTENT)
    assert refusal(lambda: store.folder("nowhere/a", tmp_path).text("index.json")) == f"data-error: There is no index.json in {store.scheme}://nowhere/a: {missing}"
    assert refusal(lambda: store.folder("texts/a", tmp_path).text("index.json")) == f"data-error: There is no index.json in {store.scheme}://texts/a: {missing}"
    assert refusal(lambda: store.folder("texts/other", tmp_path).file("training.bin", 20_000)) == \
        f"data-error: {store.scheme}://texts/other/training.bin is shorter than index.json there says; copy the folder of prepared data there whole."
    assert refusal(lambda: store.folder("texts/other", tmp_path).file("training.bin", 10 ** 15)).startswith(f"disk-full: The data in {store.scheme}://texts/other take 909 TiB more, and the disk with {tmp_path} has ")
    store.put("texts", "large/index.json", b" " * ((1 << 20) + 1))
    assert "large/index.json is larger than 1 MiB, so it is not an index" in refusal(lambda: store.folder("texts/large", tmp_path).text("index.json"))


def test_a_bucket_that_may_not_be_read_and_one_out_of_reach_are_told_apart(tmp_path: Path, gcs: GcsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    gcs.put("texts", "index.json", b"{}")
    gcs.forbidden.add("texts")
    assert "may not read gs://texts; give the role Storage Object Viewer on the bucket to the host's service account" in refusal(lambda: BucketFolder("gs://texts", tmp_path, lambda *_: None).text("index.json"))
    monkeypatch.setattr(bucket_module, "RETRIES", 1)
    monkeypatch.setenv("TENSORSTORE_GCS_HTTP_URL", "http://127.0.0.1:1")
    assert "see whether its network reaches the bucket" in refusal(lambda: BucketFolder("gs://texts", tmp_path, lambda *_: None).text("index.json"))


def test_a_login_that_s3_refuses_is_said_in_a_sentence(tmp_path: Path, s3: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put("private", "index.json", b"{}")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "may not read s3://private; give s3:GetObject and s3:ListBucket on it to the role of the host" in refusal(lambda: s3.folder("private", tmp_path).text("index.json"))


def test_endpoint_and_region_come_from_the_file_of_aws(tmp_path: Path, moto: str, s3: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put("profiles", "index.json", b"{}")
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text(f"[default]\nregion = eu-west-1\n[profile lab]\nregion = us-east-1\nendpoint_url = {moto}/\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    assert s3.folder("profiles", tmp_path / "to").text("index.json") == b"{}"


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_text(tmp_path_factory.mktemp("text") / "text")


def place(run: Path, put: Callable[[str, str, bytes], None], address: str, to: Path) -> None:
    """Puts the prepared data of a run into a bucket, and makes the run read them there."""
    file = json.loads((run / "data.json").read_text())
    prepared = Path(file.get("prepared", file["directory"]))
    bucket, _, folder = address.partition("://")[2].partition("/")
    for one in prepared.iterdir():
        put(bucket, f"{folder}/{one.name}", one.read_bytes())
    write_json(run / "data.json", {**file, "prepared": str(prepared), "directory": str(to), "address": address})


def test_a_run_from_a_bucket_is_the_run_from_a_folder(tmp_path: Path, text: Path, gcs: GcsServer) -> None:
    run, alone = (make_run(tmp_path / name, tiny_spec(text)) for name in ("run", "alone"))
    train(alone)
    place(run, gcs.put, "gs://corpora/tiny", tmp_path / "cache/tiny")
    # Names that somebody else has put there lead nowhere.
    for name in ("../../evil", "/evil", "tiny/../../../evil", "tiny/.lock", "tiny/training.bin.x/../../evil", "tiny/a\nb"):
        gcs.put("corpora", name, b"evil")
    train(run)
    assert history(run) == history(alone)
    assert [event["message"] for event in of_kind(run, "log") if "The data are" in event["message"]][0].startswith("The data are those of gs://corpora/tiny, version ")
    assert any(event["phase"] == "reading-data" and event["done"] == event["total"] and event["unit"] == "bytes" for event in of_kind(run, "progress"))
    assert sorted(file.name.split(".")[0] for file in (tmp_path / "cache/tiny").iterdir()) == ["", "evaluation", "training"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["alone", "cache", "run"]
    # What was changed since the checkpoint is trained on, and said.
    gcs.put("corpora", "tiny/evaluation.bin", next((tmp_path / "cache/tiny").glob("evaluation.bin.*")).read_bytes())
    train(run, "--steps", "14")
    assert of_kind(run, "alert")[-1]["message"].startswith("The data in gs://corpora/tiny were changed since step 12 was saved (version ")


def test_workers_that_see_different_data_do_not_train_together(tmp_path: Path, text: Path, gcs: GcsServer) -> None:
    runs = [make_run(tmp_path / f"worker-{i}", spec_of(text)) for i in range(2)]
    for run in runs:
        place(run, gcs.put, "gs://corpora/tiny", tmp_path / "cache")
    both = start_both(*runs, "--steps", "2")
    assert [child.wait(120) for child in both] == [0, 0], [child.stdout.read() for child in both]
    # The second of them reads what came into the bucket after the first had read it.
    place(runs[1], gcs.put, "gs://corpora/other", tmp_path / "other")
    both = start_both(*runs, "--steps", "4")
    assert [child.wait(120) for child in both] == [3, 3]
    assert exit_of(runs[0])["message"] == "gs://corpora/tiny was changed while the workers read it; start the run again once nobody writes there."
