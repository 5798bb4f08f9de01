"""From router logits to the experts' places: choice, placement, and the sums of the balance. The same as native/model/choice.cpp and placement.cpp.

T tokens in order, padding included; G capacity groups of n = T / G neighbours; A balance groups; E experts; K choices a token; C places of an expert in
a group. Nothing here depends on values in its shapes.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from .sizes import Sparse


class BalanceSums(NamedTuple):
    """Sums over tokens that the router's losses are made of."""

    first: Array  # (A, E) tokens whose first choice is e
    importance: Array  # (A, E) sum of p
    tokens: Array  # (A, 1)
    squared_normalizer: Array  # (1,) sum of logsumexp(logits)^2


class Routing(NamedTuple):
    slot: Array  # (T, K) int32: the place of each choice in the buffer, -1 for none
    gate: Array  # (T, K) fp32: weight of the expert's output, with gradient
    load: Array  # (G, E) choices before dropping
    kept: Array  # (G, E) places in use
    position: Array  # (T, K) int32: choices of the same expert before it, -1 where nothing was sent
    probability: Array  # (T, E) softmax over all experts, in the router's type
    first: Array  # (T, E) 1 at the first choice; 0 for padding
    valid: Array  # (T,) 0 for padding
    balance: BalanceSums


def expert_capacity(group_tokens: int, experts: int, factor: float) -> int:
    """ceil(n / E * factor) of eq. 3, at least 1 and at most n. The subtraction keeps 100 / 8 * 1.2 = 15.000000000000002 from taking a sixteenth place."""
    return min(max(math.ceil(group_tokens / experts * factor - 1e-9), 1), group_tokens)


def places_of(sparse: Sparse, group_tokens: int, factor: float) -> int:
    """Places of an expert in a group of n tokens: by the factor, fixed, or n without a limit; at most n."""
    if not sparse.limited:
        return group_tokens
    if sparse.fixed_capacity is not None:
        return min(sparse.fixed_capacity, group_tokens)
    return expert_capacity(group_tokens, sparse.experts, factor * sparse.choices_a_token)


def route(sparse: Sparse, logits: Array, valid: Array, groups: int, balance_groups: int, capacity: int, training: bool,
          sampling: Array | None, sending: Array | None) -> Routing:
    """Routes by logits (T, E) in the router's type. valid (T,) fp32 of 0 and 1. sampling, sending: uniform numbers (T, E) and (T, K - 1) where they are drawn."""
    probability = jax.nn.softmax(logits, axis=-1)
    expert, gate, chosen, sent = _choices(sparse, logits, probability, valid, training, sampling, sending)
    first = jax.nn.one_hot(expert[:, 0], sparse.experts, dtype=jnp.float32) * valid[:, None]
    slot, position, load = _places(sparse, expert, chosen, sent, groups, capacity)
    return Routing(slot, gate, load, jnp.minimum(load, capacity), position, probability, first, valid,
                   _balance_sums(first, probability, logits, valid, balance_groups))


def _choices(sparse: Sparse, logits: Array, probability: Array, valid: Array, training: bool, sampling: Array | None, sending: Array | None):
    """expert (T, K) int32 the best first, gate (T, K) with gradient, its probability without, sent (T, K) 1 where the token asks for a place."""
    scores = lax.stop_gradient(probability)
    if training and sparse.exploration == "sampling":
        scores = lax.stop_gradient(logits).astype(jnp.float32) - jnp.log(-jnp.log(sampling))  # Gumbel noise: its maximum is a draw from p
    count = sparse.choices if sparse.routing == "top-k" else 1
    expert = lax.top_k(scores, count)[1] if count > 1 else jnp.argmax(scores, axis=1, keepdims=True)
    expert = expert.astype(jnp.int32)
    gate = jnp.take_along_axis(probability, expert, axis=1).astype(jnp.float32)
    chosen = lax.stop_gradient(gate)
    sent = jnp.ones((valid.shape[0], 1), jnp.float32)
    if sparse.has_later_choices:
        if sparse.normalize_gates:
            gate = gate / (gate.sum(axis=1, keepdims=True) + 1e-30)
        if sparse.later_choices == "none":
            expert, gate, chosen = expert[:, :1], gate[:, :1], chosen[:, :1]
        else:
            sent = _sent_choices(sparse, lax.stop_gradient(gate), chosen, training, sending)
    return expert, gate, chosen, sent * valid[:, None]


def _sent_choices(sparse: Sparse, gate: Array, probability: Array, training: bool, sending: Array | None) -> Array:
    """(T, K) of 0 and 1: the first choice always; later ones by weight at random in training (GShard), and while those before sum to less than a threshold."""
    sent = jnp.ones_like(probability)
    if sparse.later_choices == "random" and training:
        sent = jnp.concatenate([sent[:, :1], (sending < gate[:, 1:] * 2.0).astype(sent.dtype)], axis=1)
    if sparse.probability_threshold is not None:
        sent = sent * (jnp.cumsum(probability, axis=1) - probability < sparse.probability_threshold)
    return sent


def _places(sparse: Sparse, expert: Array, probability: Array, sent: Array, groups: int, capacity: int):
    """Places in order of service: a group's first choices, then its second ones; or by probability."""
    tokens, count = expert.shape
    n = tokens // groups

    def in_turn(x: Array) -> Array:  # (T, K) to (G, K * n)
        return jnp.swapaxes(x.reshape(groups, n, count), 1, 2).reshape(groups, count * n)

    def by_token(x: Array) -> Array:
        return jnp.swapaxes(x.reshape(groups, count, n), 1, 2).reshape(tokens, count)

    asked = in_turn(expert)
    marks = jax.nn.one_hot(asked, sparse.experts, dtype=jnp.int32) * in_turn(sent).astype(jnp.int32)[:, :, None]
    order = None
    if sparse.budget is not None and count > 1:
        order = _descending(in_turn(probability))
    elif sparse.priority == "probability":
        within = _descending(in_turn(probability).reshape(groups, count, n))
        order = (within + jnp.arange(count, dtype=within.dtype)[None, :, None] * n).reshape(groups, count * n)
    position = _positions(marks, order)
    left = (position >= capacity) | (position < 0)
    begin = jnp.arange(groups, dtype=jnp.int32)[:, None] * capacity
    slot = jnp.where(left, -1, asked * (groups * capacity) + begin + position)
    return by_token(slot), by_token(position), marks.sum(axis=1).astype(jnp.float32)


def _descending(p: Array) -> Array:
    """Indices that put the last dimension in descending order, the earlier of equals first."""
    return jnp.argsort(-p, axis=-1, stable=True).astype(jnp.int32)


def _positions(marks: Array, order: Array | None) -> Array:
    """(G, m) number of earlier marks of the same expert, -1 where there is no mark; marks (G, m, E), order (G, m) of service or None for theirs."""
    if order is None:
        return (jnp.cumsum(marks, axis=1) * marks).sum(axis=2) - 1
    marks = jnp.take_along_axis(marks, order[:, :, None], axis=1)
    ranked = (jnp.cumsum(marks, axis=1) * marks).sum(axis=2) - 1
    back = jnp.argsort(order, axis=1)
    return jnp.take_along_axis(ranked, back, axis=1)


def _balance_sums(first: Array, probability: Array, logits: Array, valid: Array, groups: int) -> BalanceSums:
    def grouped(x: Array) -> Array:
        return x.reshape(groups, x.shape[0] // groups, x.shape[1]).sum(axis=1)

    normalizer = jax.nn.logsumexp(logits, axis=1).astype(jnp.float32)
    return BalanceSums(grouped(first), grouped(probability.astype(jnp.float32) * valid[:, None]), grouped(valid[:, None]),
                       (jnp.square(normalizer) * valid).sum(keepdims=True))


def auxiliary_loss(sums: BalanceSums) -> Array:
    """E * sum f * P of eq. 4, the mean over groups; 1 when routing is uniform."""
    counted = jnp.maximum(sums.tokens, 1.0)
    return (sums.first / counted * (sums.importance / counted)).sum(axis=1).mean() * sums.first.shape[1]


def z_loss(sums: BalanceSums) -> Array:
    return sums.squared_normalizer.sum() / jnp.maximum(sums.tokens.sum(), 1.0)
