"""The mesh data x expert x model as a device sees it inside shard_map, and the collectives of the model.

Gradients are written out: f and g of Megatron-LM (1909.08053 section 3) for the model axis, and a gather whose backward pass keeps the own rows.
The losses of the router are computed alike on all devices, each of which takes their gradient for its own tokens; letting JAX transpose the
collectives would count them once a device. The same as native/mesh/operations.h.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from ..model.sites import WHOLE, Share

AXES = ("data", "expert", "model")
ROWS = ("data", "expert")


@dataclass(frozen=True)
class MeshShape:
    data: int = 1
    expert: int = 1
    model: int = 1

    @property
    def ranks(self) -> int:
        return self.data * self.expert * self.model

    @property
    def shares(self) -> int:
        """Shares that the batch's sequences are cut into."""
        return self.data * self.expert

    def rows(self) -> Share:
        """This device's share of the batch. Inside shard_map alone, unless there is one share."""
        if self.shares == 1:
            return WHOLE
        return Share(lax.axis_index("data") * self.expert + lax.axis_index("expert"), self.shares)

    def columns(self) -> Share:
        """This device's share of heads and feed-forward columns."""
        return WHOLE if self.model == 1 else Share(lax.axis_index("model"), self.model)


ONE = MeshShape()


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def sum_over(axis: str | tuple[str, ...], x: Array) -> Array:
    """g: the sum over an axis, whose gradient every device takes as its own."""
    return lax.psum(x, axis)


sum_over.defvjp(lambda axis, x: (lax.psum(x, axis), None), lambda axis, _, dy: (dy,))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def sum_gradient_over(axis: str | tuple[str, ...], x: Array) -> Array:
    """f: x itself, whose gradient is summed over an axis."""
    return x


sum_gradient_over.defvjp(lambda axis, x: (x, None), lambda axis, _, dy: (lax.psum(dy, axis),))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def gather_rows(mesh: MeshShape, x: Array) -> Array:
    """(n, ...) of this device's rows to (shares * n, ...) of the whole batch, in its order. The gradient is that of the own rows."""
    return lax.all_gather(x, ROWS, axis=0, tiled=True)


def _gathered(mesh: MeshShape, x: Array) -> tuple[Array, None]:
    return gather_rows(mesh, x), None


def _own_rows(mesh: MeshShape, _: None, dy: Array) -> tuple[Array]:
    count = dy.shape[0] // mesh.shares
    return (lax.dynamic_slice_in_dim(dy, mesh.rows().index * count, count),)


gather_rows.defvjp(_gathered, _own_rows)


def own_rows(mesh: MeshShape, x: Array) -> Array:
    """This device's rows of a tensor of the whole batch."""
    count = x.shape[0] // mesh.shares
    return x if mesh.shares == 1 else lax.dynamic_slice_in_dim(x, mesh.rows().index * count, count)


def to_experts(mesh: MeshShape, x: Array) -> Array:
    """(E, R, ...) of this device's tokens to (E / X, X * R, ...) of its experts, from all X devices along `expert`."""
    if mesh.expert == 1:
        return x
    own = x.shape[0] // mesh.expert
    arrived = lax.all_to_all(x, "expert", split_axis=0, concat_axis=0, tiled=True).reshape(mesh.expert, own, *x.shape[1:])
    return jnp.swapaxes(arrived, 0, 1).reshape(own, mesh.expert * x.shape[1], *x.shape[2:])


def from_experts(mesh: MeshShape, x: Array) -> Array:
    """The way back: (E / X, X * R, ...) to (E, R, ...)."""
    if mesh.expert == 1:
        return x
    own, places = x.shape[0], x.shape[1] // mesh.expert
    sent = jnp.swapaxes(x.reshape(own, mesh.expert, places, *x.shape[2:]), 0, 1).reshape(mesh.expert * own, places, *x.shape[2:])
    return lax.all_to_all(sent, "expert", split_axis=0, concat_axis=0, tiled=True)
