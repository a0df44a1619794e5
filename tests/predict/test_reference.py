"""Statistics of the reference images: an image like them is usual, another one is not."""

import io
from pathlib import Path

import numpy as np
import pytest

from hilum.errors import StatisticsDamaged
from hilum.predict import Reference, ReferenceFiles, reference_key
from hilum.predict.reference import AXES, FEWEST, fit
from hilum.predict.reference_files import KEPT, versions
from hilum.radiograph import PixelPipeline
from hilum.reading import ModelIdentity

DISPLAY = PixelPipeline.DISPLAY
MODEL = ModelIdentity("mine", "1/2", "ab" * 32, verified=True, demonstration=False, input_size=224)
KEY = reference_key(MODEL.key, DISPLAY)


def images(seed: int, count: int, size: int = 96) -> np.ndarray:
    """Return features of images of one site: shape (count, size), of few causes."""
    mixing = np.random.default_rng(size).normal(size=(12, size))
    rng = np.random.default_rng(seed)
    causes = rng.normal(size=(count, 12))
    return np.maximum(causes @ mixing + rng.normal(0, 0.5, (count, size)) + 1, 0).astype("f4")


def fitted(features: np.ndarray) -> Reference:
    """Return statistics of images."""
    return fit(features, key=KEY, version=1, fitted="2026-11-27")


def percentiles(reference: Reference, features: np.ndarray) -> np.ndarray:
    """Return the percentile of each image."""
    return np.array([reference.judge(each, 99.5).percentile for each in features])


@pytest.fixture(scope="module")
def reference() -> Reference:
    """Return statistics of 400 images."""
    return fitted(images(1, 400))


@pytest.mark.parametrize(("count", "size"), [(400, 96), (200, 512)], ids=["many", "few"])
def test_images_like_the_others_lie_evenly_among_them(count: int, size: int):
    """Also where there are fewer images than features, which fits those alone perfectly."""
    found = percentiles(fitted(images(1, count, size)), images(2, 600, size))

    assert 40 < found.mean() < 60
    assert (found >= 99).mean() < 0.04


def test_image_unlike_the_others_is_unusual(reference: Reference):
    """One with its features in another order lies beyond every one of them."""
    found = percentiles(reference, images(3, 50)[:, ::-1])

    assert (found == round(100 * 400 / 401, 2)).all()


def test_limit_decides_what_is_unusual(reference: Reference):
    """The same image is told or not."""
    (image,) = images(4, 1)
    percentile = reference.judge(image, 99.5).percentile

    assert reference.judge(image, percentile).unusual
    assert not reference.judge(image, percentile + 0.01).unusual


def test_few_other_images_among_the_reference_do_not_hide_their_like():
    """Three of a hundred reference images are of another kind; the next of these still stands out.

    It lies among its own, which are the farthest of all.
    """
    other = images(5, 60)[:, ::-1]
    reference = fitted(np.concatenate([images(1, 400), other[:12]]))

    assert (percentiles(reference, other[12:]) > 95).all()


def test_feature_that_never_moved_counts_without_end_for_none(reference: Reference):
    """It is all the same in the reference; where it moves, the image is unusual and a number."""
    still = images(1, 400)
    still[:, :3] = 0.25
    image = images(2, 1)
    image[:, :3] = 0.25
    moved = image.copy()
    moved[:, 0] += 40
    reference = fitted(still)

    usual, unusual = percentiles(reference, np.concatenate([image, moved]))
    assert usual < 99.5 < unusual
    assert np.isfinite(reference.judge(moved[0], 99.5).distance)


@pytest.mark.parametrize("spoil", [np.nan, np.inf])
def test_features_that_are_no_numbers_are_left_out(reference: Reference, spoil: float):
    """In the fit and of the image."""
    features = images(1, 400)
    features[7, 3] = spoil

    assert 399 == fitted(features).images
    assert reference.judge(features[7], 99.5) is None


def test_features_of_another_network_have_no_distance(reference: Reference):
    """Their number differs."""
    assert reference.judge(images(1, 1)[0, :50], 99.5) is None


def test_too_few_images_are_no_reference():
    """Nothing is fitted on nothing."""
    with pytest.raises(ValueError, match="too few"):
        fitted(images(1, FEWEST - 1))


@pytest.mark.parametrize("kind", ["the same", "none of it moves"])
def test_images_that_are_all_alike_give_numbers(kind: str):
    """An archive may hold one image many times."""
    features = np.tile(images(1, 1), (60, 1)) if kind == "the same" else np.zeros((60, 96), "f4")
    reference = fitted(features)

    assert np.isfinite(reference.judge(images(2, 1)[0], 99.5).distance)


def test_file_reads_back_and_is_the_same_each_time(reference: Reference):
    """It is small, too: the longest axes of the covariance, not all of it."""
    contents = reference.to_bytes()
    again = Reference.of_bytes(contents)
    image = images(2, 1)[0]

    assert contents == fitted(images(1, 400)).to_bytes() == again.to_bytes()
    assert reference.judge(image, 99).percentile == again.judge(image, 99).percentile
    assert (KEY, 1, "2026-11-27", 400) == (again.key, again.version, again.fitted, again.images)
    assert len(contents) < 4 * 96 * (AXES + 4) + 4 * 400 + 4000


def damaged(kind: str) -> bytes:
    """Return a file that holds no statistics."""
    whole = fitted(images(1, 60)).to_bytes()
    stream = io.BytesIO()
    match kind:
        case "empty":
            return b""
        case "cut off":
            return whole[: len(whole) // 2]
        case "of something else":
            np.savez(stream, mean=np.zeros(3))
        case "of objects":
            np.savez(stream, facts=np.array([{}], object))
        case "an array alone":
            np.save(stream, np.zeros(3))
        case "of other shapes":
            with np.load(io.BytesIO(whole)) as file:
                np.savez(stream, **{**file, "axes": np.zeros((2, 2), "f4")})
    return stream.getvalue()


KINDS = ["empty", "cut off", "of something else", "of objects", "an array alone", "of other shapes"]


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_file_is_refused(kind: str):
    """Whatever it holds."""
    with pytest.raises(StatisticsDamaged):
        Reference.of_bytes(damaged(kind))


def test_newest_file_counts(tmp_path: Path, reference: Reference):
    """A new fit is seen at once, under the next version; nothing is there before the first."""
    files = ReferenceFiles(tmp_path, MODEL)
    assert files.newest(DISPLAY) is None

    first = files.write(DISPLAY, reference)
    assert (1, first.sha256) == (files.newest(DISPLAY).version, files.newest(DISPLAY).sha256)
    files.write(DISPLAY, fitted(images(8, 60)))
    assert (2, 60) == (files.newest(DISPLAY).version, files.newest(DISPLAY).images)


@pytest.mark.parametrize("kind", ["cut off", "of something else"])
def test_file_that_was_changed_gives_way_to_the_one_before(
    tmp_path: Path, reference: Reference, kind: str
):
    """No image is refused for it, and none is compared with something else."""
    files = ReferenceFiles(tmp_path, MODEL)
    files.write(DISPLAY, reference)
    files.write(DISPLAY, fitted(images(8, 60)))
    versions(files.folder(DISPLAY))[2].write_bytes(damaged(kind))

    assert 1 == ReferenceFiles(tmp_path, MODEL).newest(DISPLAY).version


def test_statistics_are_of_one_model_and_pixel_pipeline(tmp_path: Path, reference: Reference):
    """Other weights or other pixels have other features."""
    ReferenceFiles(tmp_path, MODEL).write(DISPLAY, reference)
    other = ModelIdentity("mine", "1/2", "cd" * 32, True, False, 224)

    assert ReferenceFiles(tmp_path, MODEL).newest(PixelPipeline.TORCHXRAYVISION) is None
    assert ReferenceFiles(tmp_path, other).newest(DISPLAY) is None


def test_old_versions_go(tmp_path: Path, reference: Reference):
    """A few are kept, and only the owner can read them."""
    files = ReferenceFiles(tmp_path, MODEL)
    for _ in range(KEPT + 3):
        files.write(DISPLAY, reference)

    kept = versions(files.folder(DISPLAY))
    assert list(range(4, KEPT + 4)) == sorted(kept)
    assert {0o600} == {path.stat().st_mode & 0o777 for path in kept.values()}
    assert 0o700 == files.folder(DISPLAY).stat().st_mode & 0o777
