"""One training step and one evaluation: the same program on every device of the mesh, under shard_map.

A step never changes a parameter where a loss or the gradient is not finite, and neither does any step after it: `halted` in the state stays true, so that the
host, which looks at results later than the devices make them, finds everything as it was.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import traverse_util
from jax import Array, lax
from jax.sharding import PartitionSpec

from .mesh.axes import AXES, ROWS, MeshShape, gather_rows
from .model.blocks import Layout, Pass
from .model.parameters import Leaf, leaves_of
from .model.routing import BalanceSums, auxiliary_loss, z_loss
from .model.sizes import Model
from .model.transformer import Transformer
from .optim.optimizers import Optimizer, make_optimizer, shares_updates
from .optim.sharing import Sharing

Tree = dict[str, Array]
Routed = dict[str, tuple[Array, Array, Array]]
"""Of each stack with sparse layers: facts (L, ...), auxiliary loss (L,), z-loss (L,)."""


class State(NamedTuple):
    """What a step changes; values by the leaves' keys."""

    values: Tree
    optimizer: Any
    halted: Array


class StepInput(NamedTuple):
    """What the host knows of a step, as arrays: no step is compiled for its own numbers."""

    keys: Array  # uint32 (places, 2)
    learning_rate: Array
    targets: Array  # target tokens of the whole batch
    auxiliary_loss: Array
    z_loss: Array
    request: Array  # int32 (ranks,) what each device's host asks of all of them


class StepOutput(NamedTuple):
    scalars: Array  # as in SCALARS
    request: Array  # int32, the greatest
    routed: Routed


SCALARS = ("loss", "totalLoss", "auxiliaryLoss", "zLoss", "gradientNorm")


class EvaluationOutput(NamedTuple):
    sums: Array  # loss, right tokens, sequences with a target, those right in full
    routed: Routed


def compute_type(model: Model) -> Any:
    return jnp.float32 if model.precision == "fp32" else jnp.bfloat16


class Program:
    """The computations of a run on one mesh, not yet compiled. What is given to a device is its part: `partitions` say how they are cut."""

    def __init__(self, model: Model, mesh: MeshShape, training: dict[str, Any], rematerialise: bool = False) -> None:
        self.model, self.mesh, self.training, self.rematerialise = model, mesh, training, rematerialise
        self.leaves: list[Leaf] = leaves_of(model)
        self.trained: list[Leaf] = [leaf for leaf in self.leaves if leaf.parameters[0].part not in training["freeze"]]
        self.sharing = Sharing(self.trained, mesh, shares_updates(training["optimizer"]))
        self.optimizer: Optimizer = make_optimizer(training["optimizer"], self.trained, self.sharing)
        self.decays = training["l1"] > 0.0 or training["l2"] > 0.0

    def partitions(self) -> State:
        """The state's, with a PartitionSpec in place of each array."""
        moments = {(moment.kind, moment.leaf.key): moment.partition for moment in self.optimizer.moments}
        return State({leaf.key: leaf.partition for leaf in self.leaves}, self.optimizer.assemble(moments, PartitionSpec()), PartitionSpec())

    def forward(self, values: Tree, batch: Tree, keys: Array | None) -> tuple[Array, dict[str, tuple[Array, BalanceSums]]]:
        """Logits (B, T, V) of this device's rows, and what each stack routed; the balance sums are those of the whole batch."""
        work = Pass(self.model, self.mesh, compute_type(self.model), keys is not None)
        tree = {"params": traverse_util.unflatten_dict({tuple(key.split("/")): x for key, x in values.items()})}
        logits, routed = Transformer(work, self.rematerialise and keys is not None).apply(tree, batch, keys)
        return logits, {stack: self._of_all_rows(batch, *layers) for stack, layers in routed.items()}

    def layout(self, batch: int, length: int, training: bool) -> Layout:
        """batch: sequences of one device."""
        return Layout(self.model.sparse, self.mesh, batch, length, training)

    def _of_all_rows(self, batch: Tree, facts: Array, balance: BalanceSums) -> tuple[Array, BalanceSums]:
        """Adds up what devices have routed apart."""
        layout = self.layout(*batch["labels"].shape, True)
        if not layout.own_rows:
            return facts, balance
        gathered = BalanceSums(*(jnp.swapaxes(gather_rows(self.mesh, jnp.swapaxes(x, 0, 1)), 0, 1) for x in balance))
        if self.model.sparse.auxiliary_loss_group == "ranks":
            gathered = BalanceSums(*(x.sum(axis=1, keepdims=True) for x in gathered))
        return lax.psum(facts, ROWS), gathered

    def _router_losses(self, routed: dict[str, tuple[Array, BalanceSums]]) -> tuple[Array, Array]:
        """Summed over layers; in the form of Hugging Face over stacks, of sums over their layers."""
        auxiliary = z = jnp.zeros(())
        for _, balance in routed.values():
            if self.model.sparse.auxiliary_loss_form == "paper":
                auxiliary, z = auxiliary + jax.vmap(auxiliary_loss)(balance).sum(), z + jax.vmap(z_loss)(balance).sum()
            else:
                together = BalanceSums(*(x.sum(axis=0) for x in balance))
                auxiliary, z = auxiliary + auxiliary_loss(together), z + z_loss(together)
        return auxiliary, z

    def step(self, state: State, batch: Tree, given: StepInput) -> tuple[State, StepOutput]:
        frozen = {leaf.key: state.values[leaf.key] for leaf in self.leaves if leaf not in self.trained}
        trained = {leaf.key: state.values[leaf.key] for leaf in self.trained}

        def total_loss(values: Tree):
            logits, routed = self.forward({**frozen, **values}, batch, given.keys)
            # Of this device's rows; the router's losses are those of the whole batch, whose gradients each device takes for its rows.
            loss = cross_entropy(logits, batch["labels"], self.model.pad).sum() / given.targets
            auxiliary, z = self._router_losses(routed)
            return loss + auxiliary * given.auxiliary_loss + z * given.z_loss, (loss, auxiliary, z, routed)

        gradients, (loss, auxiliary, z, routed) = jax.grad(total_loss, has_aux=True)(trained)
        # From here on each device works on its shares of the parameters.
        gradients = {key: self.sharing.sum(key, gradient) for key, gradient in gradients.items()}
        shares = {key: self.sharing.own(key, value) for key, value in trained.items()}
        loss = lax.psum(loss, ROWS)
        total = loss + auxiliary * given.auxiliary_loss + z * given.z_loss
        if self.decays:
            gradients, penalty = self._penalties(gradients, shares)
            total = total + penalty
        norm = jnp.sqrt(self._once({key: jnp.square(g).sum() for key, g in gradients.items()}))
        clip = self.training["gradientClip"]
        scale = jnp.minimum(clip / (norm + 1e-6), 1.0) if clip > 0 else jnp.ones(())
        updates, moved = self.optimizer.transformation.update({key: g * scale for key, g in gradients.items()}, state.optimizer, shares)
        halted = state.halted | ~jnp.isfinite(norm) | ~jnp.isfinite(total)

        def unless_halted(new: Array, old: Array) -> Array:
            return jnp.where(halted, old, new)

        updated = {key: unless_halted(share - given.learning_rate * updates[key], share) for key, share in shares.items()}
        values = {**frozen, **{key: self.sharing.whole(key, share) for key, share in updated.items()}}
        after = State(values, jax.tree.map(unless_halted, moved, state.optimizer), halted)
        return after, StepOutput(jnp.stack([loss, total, auxiliary, z, norm]), lax.pmax(given.request, AXES)[0], self._reported(routed))

    def _once(self, sums: dict[str, Array]) -> Array:
        """The sum over all leaves and devices of what each device has of its share; what several devices hold counts once."""
        total = jnp.zeros(())
        for leaf in self.trained:
            if leaf.key in sums:
                first = leaf.parameters[0]
                copies = self.mesh.data * (1 if first.expert is not None else self.mesh.expert) * (1 if first.model is not None else self.mesh.model)
                total = total + sums[leaf.key] / (copies // self.sharing.devices(leaf.key))
        return lax.psum(total, AXES)

    def _penalties(self, gradients: Tree, values: Tree) -> tuple[Tree, Array]:
        """l1 * sum |w| + l2 * sum w^2 / 2 over all matrices."""
        l1, l2 = self.training["l1"], self.training["l2"]
        matrices = [leaf.key for leaf in self.trained if leaf.matrix]
        penalty = self._once({key: l1 * jnp.abs(values[key]).sum() + l2 / 2.0 * jnp.square(values[key]).sum() for key in matrices})
        return {**gradients, **{key: gradients[key] + l1 * jnp.sign(values[key]) + l2 * values[key] for key in matrices}}, penalty

    def _reported(self, routed: dict[str, tuple[Array, BalanceSums]]) -> Routed:
        return {stack: (facts, jax.vmap(auxiliary_loss)(balance), jax.vmap(z_loss)(balance)) for stack, (facts, balance) in routed.items()}

    def evaluate(self, values: Tree, batch: Tree) -> EvaluationOutput:
        logits, routed = self.forward(values, batch, None)
        labels, counts = batch["labels"], batch["labels"] != self.model.pad
        right = (logits.argmax(axis=2) == labels) & counts
        sequences = counts.any(axis=1)
        exact = (right == counts).all(axis=1) & sequences
        sums = jnp.stack([cross_entropy(logits, labels, self.model.pad).sum(), right.sum(), sequences.sum(), exact.sum()])
        return EvaluationOutput(lax.psum(sums, ROWS), self._reported(routed))


def cross_entropy(logits: Array, labels: Array, pad: int) -> Array:
    """(B, T) nats in fp32; 0 at padding."""
    wide = logits.astype(jnp.float32)
    right = jnp.take_along_axis(wide, labels[:, :, None], axis=2)[:, :, 0]
    return jnp.where(labels == pad, 0.0, jax.nn.logsumexp(wide, axis=2) - right)
