"""What a routing event reports of a layer, as sums that add up over devices. The same as native/model/routingFacts.cpp."""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from ..contract import CONTRACT
from .routing import Routing, expert_capacity
from .sizes import Sparse

CAPACITY_FACTOR_GRID = tuple(CONTRACT["capacityFactorGrid"])
"""Capacity factors of the what-if table (contract/events.ts)."""

SCALARS = 4


def pack(sparse: Sparse, routing: Routing, group_tokens: int) -> Array:
    """fp32 (3 E + 4 + F): load, kept, sum of p of each expert; sums of entropy and confidence, tokens, dropped tokens; dropped at each factor of the grid."""
    r = Routing(*(lax.stop_gradient(x) for x in routing[:-1]), lax.stop_gradient(routing.balance))
    p = r.probability.astype(jnp.float32)
    entropy = -((p * jnp.log(jnp.maximum(p, 1e-30))).sum(axis=1) * r.valid).sum()
    tokens = r.valid.sum()
    sent = (r.slot >= 0).any(axis=1).sum().astype(jnp.float32)
    parts = [r.load.sum(axis=0), r.kept.sum(axis=0), r.balance.importance.sum(axis=0), jnp.stack([entropy, (p * r.first).sum(), tokens, tokens - sent])]
    if sparse.limited:
        # A token is dropped where none of its choices is served early enough.
        earliest = jnp.where(r.position < 0, r.position.size, r.position).min(axis=1)
        factors = [expert_capacity(group_tokens, sparse.experts, factor * sparse.choices_a_token) for factor in CAPACITY_FACTOR_GRID]
        late = earliest[:, None] >= np.asarray(factors, np.int32)[None, :]
        parts.append((late * r.valid[:, None]).sum(axis=0))
    return jnp.concatenate(parts)


def unpack(sparse: Sparse, facts: np.ndarray, auxiliary_loss: float, z_loss: float, stack: str, layer: int, capacity: int, groups: int) -> dict:
    """The fields of a routing event from one layer's facts."""
    experts = sparse.experts
    facts = facts.astype(np.float64)
    load, kept, probability = (facts[i * experts:(i + 1) * experts].tolist() for i in range(3))
    load, kept = [int(count) for count in load], [int(count) for count in kept]
    entropy, confidence, tokens, dropped = facts[3 * experts:3 * experts + SCALARS].tolist()
    divisor = tokens if tokens > 0 else 1.0
    drops = facts[3 * experts + SCALARS:].tolist()
    return {
        "stack": stack, "layer": layer, "experts": experts, "capacity": capacity, "groups": groups, "tokens": int(tokens), "load": load, "kept": kept,
        "probability": probability, "entropy": entropy / divisor, "confidence": confidence / divisor, "dropped": dropped / divisor,
        "auxiliaryLoss": auxiliary_loss, "zLoss": z_loss, "dropAtCapacityFactor": [[factor, late / divisor] for factor, late in zip(CAPACITY_FACTOR_GRID, drops)],
    }
