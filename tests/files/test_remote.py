"""Object stores: what is found below an address, and what a store that refuses is told as."""

import pytest

from hilum.dataset.shards import Shard
from hilum.errors import SourceUnreadable, StoreUnavailable
from hilum.files import remote
from hilum.files.remote import asked, find_objects, is_address, object_candidate
from stores import object_store
from zip_files import zipped


@pytest.fixture
def bucket(monkeypatch):
    """Return a store that speaks S3, for pyarrow as it is found by its environment."""
    monkeypatch.setattr(remote, "STUMBLES", 0)  # pyarrow asks again by itself
    with object_store() as store:
        for name, value in {
            "AWS_ENDPOINT_URL": store.address,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        remote._opened.cache_clear()
        yield store
        remote._opened.cache_clear()


def names(address):
    """Return the names of what is found."""
    return [candidate.name for candidate in find_objects(address)]


def test_members_of_an_archive_in_a_store_are_found(tmp_path):
    """They are read in another process, too."""
    (tmp_path / "a.zip").write_bytes(zipped(**{"b.dcm": b"x"}))
    (candidate,) = Shard.of(list(find_objects(f"file://{tmp_path}"))).candidates()

    assert ("a.zip!b.dcm", b"x") == (candidate.name.rpartition("/")[2], candidate.read())


def test_one_object_is_found_by_its_own_address(tmp_path):
    """As a file is."""
    (tmp_path / "a.dcm").write_bytes(b"x")

    assert [b"x"] == [each.read() for each in find_objects(f"file://{tmp_path}/a.dcm")]


def test_object_that_is_too_large_is_not_fetched(tmp_path, monkeypatch):
    """Its size is in the list."""
    (tmp_path / "a.dcm").write_bytes(b"xyz")
    monkeypatch.setattr(remote, "MAX_FILE_BYTES", 2)
    (candidate,) = find_objects(f"file://{tmp_path}")

    with pytest.raises(SourceUnreadable, match="is larger than"):
        candidate.read()


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("address", ["nothing://set", "s3://bucket/a//b"])
def test_address_that_means_nothing_is_one_clear_line(address):
    """The line says what may be given."""
    with pytest.raises(SourceUnreadable, match="no address that can be read"):
        names(address)


def test_password_in_an_address_is_in_no_name():
    """Names are written into results and shown."""
    assert "s3://bucket/a.dcm" == object_candidate("s3://key:secret@bucket/a.dcm?region=x").name


@pytest.mark.parametrize("path", ["a.dcm", "/data/s3:/a", "C:\\data", "folder/with?://"])
def test_path_is_no_address(path):
    """However odd."""
    assert not is_address(path)


def test_store_that_is_busy_is_asked_again(monkeypatch):
    """It is waited for a little longer each time."""
    waited = []
    monkeypatch.setattr(remote, "sleep", waited.append)
    answers = iter([OSError("SLOW_DOWN"), TimeoutError(), "content"])

    def ask():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert ("content", [0.5, 1.0]) == (asked("s3://bucket/a", ask), waited)


def test_folder_in_a_bucket_is_found_and_read(bucket):
    """Each object is fetched once, in one piece."""
    bucket.objects = {"set/": b"", "set/a.dcm": b"1", "set/b/c.dcm": b"2", "other/d.dcm": b"3"}
    found = list(find_objects("s3://bucket/set"))
    bucket.asked.clear()

    assert ["s3://bucket/set/a.dcm", "s3://bucket/set/b/c.dcm"] == [each.name for each in found]
    assert b"2" == found[1].read()
    assert ["GET /bucket/set/b/c.dcm"] == [each for each in bucket.asked if each[:3] == "GET"]


def test_bucket_that_denies_is_one_clear_line(bucket):
    """Nothing is read, and no traceback is shown."""
    bucket.answer = 403

    with pytest.raises(SourceUnreadable, match="permission denied"):
        names("s3://bucket/set")


def test_bucket_that_is_always_busy_ends_the_run(monkeypatch):
    """No image is taken for broken because a store had too much to do."""
    monkeypatch.setattr(remote, "STUMBLES", 0)

    def busy():  # what pyarrow says of 503, after it has asked again for six seconds
        raise OSError("AWS Error SLOW_DOWN during ListObjectsV2 operation: Please reduce your rate")

    with pytest.raises(StoreUnavailable, match=r"set cannot be read now: .*goes on from here"):
        asked("s3://bucket/set", busy)


def test_bucket_that_is_busy_for_a_moment_is_read(bucket):
    """Nobody hears of it."""
    bucket.objects = {"set/a.dcm": b"1"}
    bucket.busy = 1

    assert ["s3://bucket/set/a.dcm"] == names("s3://bucket/set")


@pytest.mark.usefixtures("bucket")
def test_object_that_is_gone_is_its_own_failure():
    """The others are read."""
    with pytest.raises(SourceUnreadable, match="does not exist"):
        object_candidate("s3://bucket/gone.dcm").read()
