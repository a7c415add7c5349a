"""Captured files in an object store: the real client against a server that speaks S3."""

import gzip
import json
from collections.abc import Iterator

import boto3
import pytest

from consumer.errors import UsageError
from consumer.sources import files, finding
from tests import objects
from tests.samples import result

LINES = b"".join(json.dumps(result(number)).encode() + b"\n" for number in range(1, 51))


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket with two captures and something hidden, reached through the usual variables."""
    with objects.bucket() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        client = boto3.client("s3")
        client.put_object(Bucket=objects.BUCKET, Key="2025/03/a.json", Body=LINES)
        client.put_object(Bucket=objects.BUCKET, Key="2025/03/b.gz", Body=gzip.compress(LINES))
        client.put_object(Bucket=objects.BUCKET, Key="2025/.manifest.ndjson", Body=LINES)
        client.close()
        yield f"s3://{objects.BUCKET}"


def test_a_folder_and_an_object_of_a_store_are_replayed_like_files(bucket: str) -> None:
    """By content, with a digest, in the order of their names."""
    found = finding.find([f"{bucket}/2025/", f"{bucket}/2025/03/b.gz"])
    assert [capture.label for capture in found] == [f"{bucket}/2025/03/a.json", f"{bucket}/2025/03/b.gz"]
    for capture in found:
        source = files.source_of(capture)
        assert sum(len(piece.records) for piece in files.records(capture, source, start=1, max_record_bytes=10**6)) == 50


def test_an_address_that_names_nothing_is_named(bucket: str) -> None:
    """In one sentence."""
    with pytest.raises(UsageError, match="s3://captured/1999"):
        finding.find([f"{bucket}/1999/"])
