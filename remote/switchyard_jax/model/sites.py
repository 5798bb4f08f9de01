"""Random numbers as a function of (seed, step, place, element), the same as native/kernels/dropout.h and uniform.h draw them.

A *site* is one place in the model at one step. Its two key words come from the host, since they need 64-bit integers; what is drawn for an
element depends on nothing but the key and the element's number in the whole tensor, so that every mesh draws the same.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

_MASK = np.uint64(0xFFFFFFFFFFFFFFFF)


class Share(NamedTuple):
    """An equal part of a greater whole: number `index` of `of`. The index may be traced: it is the device's place in the mesh."""

    index: Array | int = 0
    of: int = 1


WHOLE = Share()


def _split_mix(z: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser behind one step of its sequence (Steele, Lea and Flood 2014)."""
    z = z + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def site_keys(seed: int, step: int, places: int) -> np.ndarray:
    """uint32 (places, 2): the key words of every place of the model at a step."""
    with np.errstate(over="ignore"):
        streams = np.uint64(step) * np.uint64(65536) + np.arange(places, dtype=np.uint64)
        words = _split_mix(_split_mix(np.asarray([seed], dtype=np.uint64)) ^ streams) & _MASK
    return np.stack([words & np.uint64(0xFFFFFFFF), words >> np.uint64(32)], axis=1).astype(np.uint32)


def element_numbers(shape: tuple[int, ...], rows: Share = WHOLE, columns: Share = WHOLE, row_numbers: Array | None = None) -> Array:
    """uint32 of `shape`: the number that each element has in the whole. The last dimension is the site's columns, all before it its rows."""
    width = shape[-1]
    count = int(np.prod(shape[:-1], dtype=np.int64))
    if row_numbers is None:
        first = jnp.asarray(rows.index, jnp.uint32) * np.uint32(count)
        row = first + jnp.arange(count, dtype=jnp.uint32)
    else:
        row = row_numbers.astype(jnp.uint32)
    column = jnp.asarray(columns.index, jnp.uint32) * np.uint32(width) + jnp.arange(width, dtype=jnp.uint32)
    return (row[:, None] * np.uint32((width * columns.of) & 0xFFFFFFFF) + column[None, :]).reshape(shape)


def random_words(numbers: Array, key: Array) -> Array:
    """32 random bits of each number, uint32. key: uint32 (2)."""
    h = numbers ^ key[0]
    h = (h ^ (h >> 16)) * np.uint32(0x21F0AAAD)
    h = h + key[1]
    h = (h ^ (h >> 15)) * np.uint32(0xD35A2D97)
    return h ^ (h >> 15)


def dropout(x: Array, key: Array | None, probability: float, rows: Share = WHOLE, columns: Share = WHOLE, row_numbers: Array | None = None) -> Array:
    """x times 0 with this probability, else 1 / (1 - probability). key None: outside training, where everything is kept."""
    if key is None or probability == 0.0:
        return x
    words = random_words(element_numbers(x.shape, rows, columns, row_numbers), key)
    kept = words >= np.uint32(int(probability * 4294967296.0))
    # Rounded once: the factor itself in bf16 would be off by a part in a thousand, always to the same side.
    return jnp.where(kept, x.astype(jnp.float32) * np.float32(1.0 / (1.0 - probability)), 0.0).astype(x.dtype)


def uniform(shape: tuple[int, ...], key: Array, rows: Share = WHOLE) -> Array:
    """fp32 strictly between 0 and 1: multiples of 2^-23 moved by half of one."""
    words = random_words(element_numbers(shape, rows), key)
    return ((words >> 9).astype(jnp.float32) + 0.5) * np.float32(1.0 / 8388608.0)
