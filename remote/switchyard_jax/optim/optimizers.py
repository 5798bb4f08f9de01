"""AdamW and Adafactor as Optax transformations over the tree of leaves, and their state by the names of a checkpoint.

The learning rate and the clip come with each step as numbers: the transformations here give the direction alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax
from jax.sharding import PartitionSpec

from ..model.parameters import Leaf
from .sharing import Sharing

Tree = dict[str, Array]


@dataclass(frozen=True)
class Moment:
    """What is remembered of a leaf: KIND.PARAMETER in a checkpoint."""

    kind: str
    leaf: Leaf
    shape: tuple[int, ...]
    partition: PartitionSpec


class Optimizer(NamedTuple):
    transformation: optax.GradientTransformation
    """Of gradients, already clipped, to what is subtracted once the learning rate has multiplied it."""
    moments: list[Moment]
    read: Callable[[Any], dict[tuple[str, str], Array]]
    """The state's arrays by (kind, key)."""
    assemble: Callable[[dict[tuple[str, str], Any], Any], Any]
    """The state made of such arrays, or of what stands for them, and of the count of steps."""


def make_optimizer(spec: dict[str, Any], leaves: list[Leaf], sharing: Sharing) -> Optimizer:
    """leaves: those that are trained. The transformation works on each device's share of them."""
    return _adafactor(spec, leaves) if spec["kind"] == "adafactor" else _adam_w(spec, leaves, sharing)


def shares_updates(spec: dict[str, Any]) -> bool:
    """Adafactor's means are over whole matrices, of which a share knows little."""
    return spec["kind"] == "adamw" and spec["shareUpdates"]


def _decay(spec: dict[str, Any], leaves: list[Leaf]) -> optax.GradientTransformation:
    return optax.add_decayed_weights(spec["weightDecay"], mask={leaf.key: leaf.matrix for leaf in leaves}) if spec["weightDecay"] > 0 else optax.identity()


def _without_arrays(transformation: optax.GradientTransformation, leaves: list[Leaf]) -> Any:
    """The states behind the first one of a chain: they hold nothing."""
    return transformation.init({leaf.key: jnp.zeros((1, 1)) for leaf in leaves})[1:]


def _adam_w(spec: dict[str, Any], leaves: list[Leaf], sharing: Sharing) -> Optimizer:
    """Decoupled weight decay (1711.05101)."""
    adam = optax.scale_by_adam(spec["beta1"], spec["beta2"], spec["epsilon"])
    transformation = optax.chain(adam, _decay(spec, leaves))
    moments = [Moment(kind, leaf, leaf.shape, sharing.partition(leaf)) for kind in ("first_moment", "second_moment") for leaf in leaves]

    def read(state: Any) -> dict[tuple[str, str], Array]:
        return {(kind, key): x for kind, tree in (("first_moment", state[0].mu), ("second_moment", state[0].nu)) for key, x in tree.items()}

    def assemble(arrays: dict[tuple[str, str], Any], count: Any) -> Any:
        mu, nu = ({leaf.key: arrays[kind, leaf.key] for leaf in leaves} for kind in ("first_moment", "second_moment"))
        return (optax.ScaleByAdamState(count, mu, nu), *_without_arrays(transformation, leaves))

    return Optimizer(transformation, moments, read, assemble)


class FactoredState(NamedTuple):
    count: Array
    row: Tree
    column: Tree
    full: Tree


SQUARE_FLOOR = 1e-30
"""Epsilon 1 of algorithm 4 in 1804.04235: keeps the estimate positive."""
SCALE_FLOOR = 1e-3
"""Epsilon 2: the smallest scale that a parameter is given."""


def _adafactor(spec: dict[str, Any], leaves: list[Leaf]) -> Optimizer:
    """1804.04235 without first moment, factored over the last two dimensions of each parameter; stacked ones each by itself. Means are those of the whole
    where a mesh cuts a matrix."""
    by_key = {leaf.key: leaf for leaf in leaves}

    def init(values: Tree) -> FactoredState:
        matrices = {key: x for key, x in values.items() if by_key[key].matrix}
        return FactoredState(jnp.zeros((), jnp.int32), {key: jnp.zeros_like(x[..., 0]) for key, x in matrices.items()},
                             {key: jnp.zeros_like(x[..., 0, :]) for key, x in matrices.items()},
                             {key: jnp.zeros_like(x) for key, x in values.items() if key not in matrices})

    def whole(mean: Array, axes: list[str | None]) -> Array:
        """The mean of equal parts, from that of this device's part."""
        cut = tuple(axis for axis in axes if axis is not None)
        return lax.pmean(mean, cut) if cut else mean

    def direction_of(leaf: Leaf) -> Callable[[Array, Array, Array], Array]:
        """Of one parameter."""
        axes = list(leaf.partition)

        def rms(x: Array) -> Array:
            return jnp.sqrt(whole(jnp.square(x).mean(), axes))

        def direction(gradient: Array, value: Array, estimate: Array) -> Array:
            update = gradient * lax.rsqrt(estimate + SQUARE_FLOOR)
            update = update / jnp.maximum(rms(update) / spec["clippingThreshold"], 1.0)
            return update * jnp.maximum(rms(value), SCALE_FLOOR) if spec["scaleParameter"] else update

        return jax.vmap(direction) if leaf.stacked else direction

    def update(gradients: Tree, state: FactoredState, values: Tree) -> tuple[Tree, FactoredState]:
        count = state.count + 1
        rate = count.astype(jnp.float32) ** -spec["decayRate"]  # 1 - beta2 of this step
        row, column, full, updates = {}, {}, {}, {}
        for key, gradient in gradients.items():
            square = jnp.square(gradient) + SQUARE_FLOOR
            axes = by_key[key].partition
            if by_key[key].matrix:
                row[key] = state.row[key] + rate * (whole(square.mean(axis=-1), [axes[-1]]) - state.row[key])
                column[key] = state.column[key] + rate * (whole(square.mean(axis=-2), [axes[-2]]) - state.column[key])
                rows = row[key] / whole(row[key].mean(axis=-1, keepdims=True), [axes[-2]])
                estimate = rows[..., None] * column[key][..., None, :]
            else:
                full[key] = estimate = state.full[key] + rate * (square - state.full[key])
            updates[key] = direction_of(by_key[key])(gradient, values[key], estimate)
        return updates, FactoredState(count, row, column, full)

    scale = optax.GradientTransformation(init, update)
    transformation = optax.chain(scale, _decay(spec, leaves))
    moments = []
    for leaf in leaves:
        if leaf.matrix:
            moments.append(Moment("row_moment", leaf, leaf.shape[:-1], leaf.partition_of(lambda axes: axes[:-1])))
            moments.append(Moment("column_moment", leaf, (*leaf.shape[:-2], leaf.shape[-1]), leaf.partition_of(lambda axes: [*axes[:-2], axes[-1]])))
        else:
            moments.append(Moment("second_moment", leaf, leaf.shape, leaf.partition))

    def read(state: Any) -> dict[tuple[str, str], Array]:
        kinds = (("row_moment", state[0].row), ("column_moment", state[0].column), ("second_moment", state[0].full))
        return {(kind, key): x for kind, tree in kinds for key, x in tree.items()}

    def assemble(arrays: dict[tuple[str, str], Any], count: Any) -> Any:
        trees = ({key: x for (kind, key), x in arrays.items() if kind == wanted} for wanted in ("row_moment", "column_moment", "second_moment"))
        return (FactoredState(count, *trees), *_without_arrays(transformation, leaves))

    return Optimizer(transformation, moments, read, assemble)
