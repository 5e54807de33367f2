import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.errors import InvalidRequest, StoreDamaged, StoreFull
from peavine.executors import load
from peavine.executors.encoders.hashing_text_encoder import PART, HashingTextEncoder
from peavine.executors.encoders.pipeline_encoder import PipelineEncoder
from peavine.executors.encoders.random_projection import RandomProjection, orthogonal
from peavine.executors.encoders.transform_encoder import MAX_INPUTS, TransformEncoder

random = np.random.default_rng(0)
IMAGES = random.integers(0, 256, (50, 4, 6), np.uint8)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_directions_are_orthonormal(inputs: int, outputs: int, seed: int) -> None:
    directions = orthogonal(inputs, outputs, seed)
    product = directions.T @ directions if inputs >= outputs else directions @ directions.T
    np.testing.assert_allclose(product, np.eye(min(inputs, outputs)), atol=1e-5)


def test_a_projection_depends_on_its_seed_alone() -> None:
    one, same, other = RandomProjection(8, seed=1), RandomProjection(8, seed=1), RandomProjection(8, seed=2)
    np.testing.assert_array_equal(one.encode(IMAGES), same.encode(IMAGES[:]))
    assert not np.allclose(one.encode(IMAGES), other.encode(IMAGES))
    # These numbers must never change: indexes outlive versions.
    np.testing.assert_allclose(orthogonal(3, 2, 2020).ravel()[:3], [-0.7753328, 0.55004865, -0.49558553], atol=1e-6)


def test_a_projection_takes_images_and_gives_float32() -> None:
    encoded = RandomProjection(8).encode(IMAGES)
    assert encoded.shape == (50, 8)
    assert encoded.dtype == np.float32
    restored = RandomProjection(24).encode(IMAGES) @ orthogonal(24, 24, 42).T
    np.testing.assert_allclose(restored, IMAGES.reshape(50, 24), atol=1e-2)


def test_a_projection_keeps_the_dimension_of_the_first_batch() -> None:
    encoder = RandomProjection(8)
    assert encoder.encode([]).shape == (0, 8)
    encoder.encode(IMAGES)
    with pytest.raises(InvalidRequest, match=r"RandomProjection: 30 numbers a Document .*where 24 are expected"):
        encoder.encode(np.ones((2, 5, 6)))


def test_a_projection_can_be_told_the_dimension() -> None:
    encoder = RandomProjection(8, input_dim=24)
    with pytest.raises(InvalidRequest, match=r"30 numbers a Document .*where 24 are expected"):
        encoder.encode(np.ones((2, 5, 6)))
    assert encoder.encode(IMAGES).shape == (50, 8)


def test_a_projection_that_would_fill_the_memory_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="too many for output_dim 1024"):
        RandomProjection(1024).encode(np.ones((1, 100_000), np.uint8))


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        (["a", "b"], "not text"),
        ([b"a"], "not bytes"),
        ([np.ones(2), np.ones(3)], "differ in shape"),
        ([None], "NoneType"),
    ],
)
def test_what_is_no_tensor_is_refused(batch: Any, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        RandomProjection(8).encode(batch)


def test_components_are_those_of_a_singular_value_decomposition() -> None:
    data = random.normal(size=(200, 10)) @ random.normal(size=(10, 10)) + 5
    encoder = TransformEncoder(4)
    for part in np.array_split(data, 7):
        encoder.train(part)
    centered = data - data.mean(axis=0)
    _, _, directions = np.linalg.svd(centered, full_matrices=False)
    expected = centered @ directions[:4].T
    encoded = encoder.encode(data)
    assert encoded.dtype == np.float32
    np.testing.assert_allclose(np.abs(encoded), np.abs(expected), rtol=1e-3, atol=1e-3)


def test_whitened_components_have_variance_one() -> None:
    encoder = TransformEncoder(4, whiten=True)
    data = random.normal(size=(300, 6)) * [1, 2, 3, 4, 5, 6]
    encoder.train(data)
    np.testing.assert_allclose(encoder.encode(data).var(axis=0), 1, rtol=1e-3)


def test_directions_without_variance_give_zero() -> None:
    encoder = TransformEncoder(4)
    encoder.train(np.array([[1.0, 2, 3, 4, 5], [2, 4, 6, 8, 10]]))
    encoded = encoder.encode(np.ones((1, 5)))
    assert encoded[0, 0] != 0
    np.testing.assert_array_equal(encoded[0, 1:], 0)


def test_nothing_can_be_encoded_and_learned() -> None:
    encoder = TransformEncoder(4)
    encoder.train(IMAGES)
    before = encoder.encode(IMAGES)
    encoder.train([])
    np.testing.assert_array_equal(encoder.encode(IMAGES), before)
    assert encoder.encode([]).shape == (0, 4)


def test_an_encoder_that_is_not_trained_says_so() -> None:
    with pytest.raises(InvalidRequest, match="TransformEncoder is not trained yet; send a train request"):
        TransformEncoder(4).encode(IMAGES)


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        (np.ones((5, 3)), "output_dim is 4, and a Document has 3 numbers"),
        (np.full((5, 6), np.nan), "not finite"),
        (np.ones((1, MAX_INPUTS + 1)), "put a RandomProjection before it"),
        (["text"], "not text"),
    ],
)  # fmt: skip
def test_training_data_that_does_not_fit_is_refused_and_changes_nothing(batch: Any, said: str) -> None:
    encoder = TransformEncoder(4)
    with pytest.raises(InvalidRequest, match=said):
        encoder.train(batch)
    with pytest.raises(InvalidRequest, match="not trained"):
        encoder.encode(np.ones((1, 6)))


def trained(folder: Path) -> TransformEncoder:
    encoder = TransformEncoder(4).open(folder)
    with encoder.transaction():
        encoder.train(IMAGES)
    return encoder


def test_what_was_learned_is_there_after_a_restart(tmp_path: Path) -> None:
    encoded = trained(tmp_path).encode(IMAGES)
    again = TransformEncoder(4).open(tmp_path)
    np.testing.assert_array_equal(again.encode(IMAGES), encoded)
    with again.transaction():
        again.train(IMAGES[:10] + 1)
    assert not np.array_equal(again.encode(IMAGES), encoded)
    assert [path.name for path in tmp_path.iterdir()] == ["pca.npz"]


def test_the_configuration_comes_from_yaml_and_not_from_the_workspace(tmp_path: Path) -> None:
    trained(tmp_path)
    assert TransformEncoder(6).open(tmp_path).encode(IMAGES).shape == (50, 6)


def test_a_batch_that_fails_teaches_nothing(tmp_path: Path) -> None:
    encoder = trained(tmp_path)
    before, on_disk = encoder.encode(IMAGES), (tmp_path / "pca.npz").read_bytes()

    def batch() -> None:
        with encoder.transaction():
            encoder.train(IMAGES[:20] + 3)
            encoder.encode(["not a tensor"])

    with pytest.raises(InvalidRequest):
        batch()
    np.testing.assert_array_equal(encoder.encode(IMAGES), before)
    assert (tmp_path / "pca.npz").read_bytes() == on_disk


def test_a_batch_that_fails_does_not_take_back_what_another_thread_learned(tmp_path: Path) -> None:
    encoder = trained(tmp_path)
    before = encoder.encode(IMAGES)

    def learn() -> None:
        with encoder.transaction():
            encoder.train(IMAGES[:20] + 3)

    other = threading.Thread(target=learn)
    with suppress(ZeroDivisionError), encoder.transaction():
        encoder.train(IMAGES[:10] + 9)
        other.start()
        other.join(0.2)  # it waits for this transaction; if it did not, it would be done by now
        raise ZeroDivisionError
    other.join()
    assert (encoder.encode(IMAGES) != before).any()
    np.testing.assert_array_equal(encoder.encode(IMAGES), TransformEncoder(4).open(tmp_path).encode(IMAGES))


def test_what_a_full_disk_does_not_take_is_not_learned(tmp_path: Path) -> None:
    encoder = trained(tmp_path)
    before = encoder.encode(IMAGES)
    (tmp_path / "pca.npz.partial").symlink_to("/dev/full")

    def batch() -> None:
        with encoder.transaction():
            encoder.train(IMAGES[:20] + 3)

    with pytest.raises(StoreFull, match=f"{tmp_path}: the disk is full"):
        batch()
    np.testing.assert_array_equal(encoder.encode(IMAGES), before)
    assert [path.name for path in tmp_path.iterdir()] == ["pca.npz"]
    batch()
    assert (encoder.encode(IMAGES) != before).any()


def test_a_snapshot_can_be_a_workspace(tmp_path: Path) -> None:
    encoder = trained(tmp_path / "data")
    encoder.snapshot(tmp_path / "copy")
    np.testing.assert_array_equal(TransformEncoder(4).open(tmp_path / "copy").encode(IMAGES), encoder.encode(IMAGES))


@pytest.mark.parametrize("kept", [0, 10, 200, -1])
def test_a_damaged_file_is_told_and_not_used(tmp_path: Path, kept: int) -> None:
    trained(tmp_path)
    file = tmp_path / "pca.npz"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(StoreDamaged, match=r"pca\.npz .*train again"):
        TransformEncoder(4).open(tmp_path)


def test_a_file_with_python_objects_in_it_is_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "pca.npz", count=np.array({"a": 1}, dtype=object), mean=np.ones(4), scatter=np.ones((4, 4)))
    with pytest.raises(StoreDamaged):
        TransformEncoder(4).open(tmp_path)


def test_a_file_of_something_else_is_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "pca.npz", count=np.int64(3), mean=np.ones(4), scatter=np.ones((2, 2)))
    with pytest.raises(StoreDamaged, match="does not hold what training writes"):
        TransformEncoder(4).open(tmp_path)


def test_a_pipeline_encodes_and_trains_stage_by_stage(tmp_path: Path) -> None:
    uses = """
    !PipelineEncoder
    components: [!RandomProjection {with: {output_dim: 12}}, !TransformEncoder {with: {output_dim: 3}}]
    """
    encoder = load(uses, workspace=tmp_path)
    assert isinstance(encoder, PipelineEncoder)
    with encoder.transaction():
        encoder.train(IMAGES)
    assert encoder.encode(IMAGES).shape == (50, 3)
    again = load(uses, workspace=tmp_path)
    assert isinstance(again, PipelineEncoder)
    np.testing.assert_array_equal(again.encode(IMAGES), encoder.encode(IMAGES))


def test_texts_with_words_in_common_are_near() -> None:
    a, b, c, empty = HashingTextEncoder(512).encode(["the red shoes", "red SHOES!", "a blue hat", ""])
    assert a @ b > 0.7 > abs(a @ c)
    np.testing.assert_allclose(np.linalg.norm(a), 1, rtol=1e-6)
    assert not empty.any()
    with pytest.raises(InvalidRequest, match="encodes text, not bytes"):
        HashingTextEncoder().encode([b"a"])  # type: ignore[list-item]


def test_a_letter_counts_the_same_however_unicode_composes_it() -> None:
    composed, decomposed, other = HashingTextEncoder().encode(["un caf\u00e9", "UN CAFE\u0301", "un cafe"])
    assert np.array_equal(composed, decomposed)
    assert not np.array_equal(composed, other)


def test_a_text_of_many_parts_has_the_vector_of_all_its_words() -> None:
    words = [f"w{n % 5000}" for n in range(PART // 2)]
    text = " ".join(words)
    assert len(text) > 2 * PART
    once = HashingTextEncoder().encode([" ".join(words[:5000]), text])
    np.testing.assert_allclose(once[0] @ once[1], 1, atol=1e-3)


def test_words_spread_over_all_places_and_both_signs() -> None:
    vectors = HashingTextEncoder(64).encode([f"word{n}" for n in range(6400)])
    assert (np.count_nonzero(vectors, axis=1) == 1).all()
    counts = np.count_nonzero(vectors, axis=0)
    assert 60 < counts.min() <= counts.max() < 145
    assert abs(vectors.sum()) < 250


def test_a_search_does_not_fix_what_comes_in() -> None:
    encoder = RandomProjection(8)
    stranger = encoder.encode(IMAGES[:1, 0], kind="search")
    assert np.array_equal(stranger, encoder.encode(IMAGES[:1, 0], kind="search"))
    encoded = encoder.encode(IMAGES, kind="index")
    assert np.array_equal(encoded, encoder.encode(IMAGES, kind="search"))
    with pytest.raises(InvalidRequest, match="where 24 are expected"):
        encoder.encode(IMAGES[:1, 0], kind="search")
