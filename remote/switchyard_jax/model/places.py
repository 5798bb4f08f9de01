"""Where a device's own tokens stand in its buffer of the experts' places, and in the buffer that one device would hold for the whole batch.
The same as native/model/ownPlaces.cpp. T tokens of the device with K slots each, E experts, R places of an expert in the device's buffer."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from .sites import Share


class OwnPlaces(NamedTuple):
    places: int  # R
    slot: Array  # (T, K) int32
    whole_slot: Array  # (T, K) int32, the row in the buffer that one device would hold


def closed_up(whole_slot: Array, experts: int, capacity: int) -> OwnPlaces:
    """Of tokens whose whole batch was routed in one group of C places: an expert's places are closed up, so that R is at most T."""
    places, none = min(capacity, whole_slot.shape[0]), experts * capacity
    at = jnp.where(whole_slot < 0, none, whole_slot).reshape(-1)
    taken = jnp.zeros(none + 1, jnp.int32).at[at].set(1)[:none].reshape(experts, capacity)
    row = jnp.cumsum(taken, axis=1) - 1 + jnp.arange(experts, dtype=jnp.int32)[:, None] * places
    rows = jnp.concatenate([row.reshape(-1), jnp.full(1, -1, jnp.int32)])
    return OwnPlaces(places, rows[at].reshape(whole_slot.shape), whole_slot)


def own_groups(slot: Array, share: Share, groups: int, capacity: int) -> OwnPlaces:
    """Of a device that has routed its own rows in G groups of C places: R = G * C."""
    places = groups * capacity
    if share.of == 1:
        return OwnPlaces(places, slot, slot)
    # On one device an expert's places of the shares before this one come first.
    whole = slot + slot // places * (places * (share.of - 1)) + places * share.index
    return OwnPlaces(places, slot, jnp.where(slot < 0, slot, whole))


def row_numbers(own: OwnPlaces, experts: int) -> Array:
    """(E * R,) int32: the row of one device's buffer that stands at each place; 0 where none does."""
    rows = experts * own.places
    at = jnp.where(own.slot < 0, rows, own.slot).reshape(-1)
    return jnp.zeros(rows + 1, jnp.int32).at[at].set(own.whole_slot.reshape(-1))[:rows]


def dispatch(x: Array, slot: Array, places: int) -> Array:
    """(T, d) tokens into (places, d); a place that no token has holds zeros."""
    tokens, count = slot.shape
    at = jnp.where(slot < 0, places, slot).reshape(-1)
    token = jnp.full(places + 1, tokens, jnp.int32).at[at].set(jnp.repeat(jnp.arange(tokens, dtype=jnp.int32), count))[:places]
    return jnp.concatenate([x, jnp.zeros((1, x.shape[1]), x.dtype)])[token]


def combine(buffer: Array, slot: Array, gate: Array) -> Array:
    """(T, d): the sum over a token's slots of gate * buffer[slot]; zeros for a token without a place."""
    rows = jnp.concatenate([buffer, jnp.zeros((1, buffer.shape[1]), buffer.dtype)])
    at = jnp.where(slot < 0, buffer.shape[0], slot)
    wide = rows[at].astype(jnp.float32) * gate[:, :, None]
    return wide.sum(axis=1).astype(buffer.dtype)
