"""The programs of a run, compiled for the devices of a mesh, and arrays on their way there and back."""

from typing import Any

import jax
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .failure import RunFailure
from .mesh.axes import AXES, ROWS, MeshShape
from .model.parameters import Leaf, parameters_of
from .training_step import EvaluationOutput, Program, State, StepInput, StepOutput, Tree


def mesh_of(shape: MeshShape, devices: list[Any]) -> Mesh:
    """The first devices as data x expert x model: rank = (data * X + expert) * M + model."""
    if len(devices) < shape.ranks:
        raise RunFailure("device-error", f"The mesh has {shape.ranks} ranks and there {'is' if len(devices) == 1 else 'are'} {len(devices)} "
                         f"{devices[0].platform.upper()} device{'' if len(devices) == 1 else 's'}; choose a smaller mesh.")
    return Mesh(np.asarray(devices[:shape.ranks]).reshape(shape.data, shape.expert, shape.model), AXES)


class Devices:
    """A program on its mesh."""

    def __init__(self, program: Program, mesh: Mesh) -> None:
        self.program, self.mesh = program, mesh
        partitions = program.partitions()
        whole, rows = PartitionSpec(), PartitionSpec(ROWS)
        given = StepInput(whole, whole, whole, whole, whole, PartitionSpec(AXES))
        self._step = jax.jit(jax.shard_map(program.step, mesh=mesh, in_specs=(partitions, rows, given), out_specs=(partitions, whole), check_vma=False), donate_argnums=0)
        self._evaluate = jax.jit(jax.shard_map(program.evaluate, mesh=mesh, in_specs=(partitions.values, rows), out_specs=whole, check_vma=False))
        self._forward = jax.jit(jax.shard_map(lambda values, batch: program.forward(values, batch, None)[0], mesh=mesh, in_specs=(partitions.values, rows), out_specs=rows, check_vma=False))

    def put(self, x: np.ndarray, partition: PartitionSpec) -> Array:
        """Each device its part; every process has the whole."""
        return jax.make_array_from_callback(x.shape, NamedSharding(self.mesh, partition), lambda index: x[index])

    def put_batch(self, batch: dict[str, np.ndarray]) -> Tree:
        return {name: self.put(ids, PartitionSpec(ROWS)) for name, ids in batch.items()}

    def put_input(self, keys: np.ndarray, learning_rate: float, targets: int, auxiliary_loss: float, z_loss: float, request: int) -> StepInput:
        def number(x: float) -> Array:
            return self.put(np.asarray(x, np.float32), PartitionSpec())

        ranks = self.program.mesh.ranks
        return StepInput(self.put(keys, PartitionSpec()), number(learning_rate), number(targets), number(auxiliary_loss), number(z_loss),
                         self.put(np.full(ranks, request, np.int32), PartitionSpec(AXES)))

    def compile_step(self, state: State, batch: Tree, given: StepInput) -> None:
        """Ahead of the first step, for all of this shape."""
        self._compiled = self._step.lower(state, batch, given).compile()

    def step(self, state: State, batch: Tree, given: StepInput) -> tuple[State, StepOutput]:
        return self._compiled(state, batch, given)

    def evaluate(self, state: State, batch: Tree) -> EvaluationOutput:
        return self._evaluate(state.values, batch)

    def logits(self, state: State, batch: Tree) -> Array:
        return self._forward(state.values, batch)

    def new_state(self, seed: int) -> State:
        """First values of the parameters, and moments of zero."""
        numbers = {parameter.name: i for i, parameter in enumerate(parameters_of(self.program.model))}

        def drawn(leaf: Leaf) -> Array:
            whole = [parameter.draw(seed, numbers[parameter.name]) for parameter in leaf.parameters]
            return self.put(np.stack(whole) if leaf.stacked else whole[0], leaf.partition)

        moments = {(moment.kind, moment.leaf.key): np.zeros(moment.shape, np.float32) for moment in self.program.optimizer.moments}
        return self.state_of({leaf.key: drawn(leaf) for leaf in self.program.leaves}, moments, 0)

    def state_of(self, values: Tree, moments: dict[tuple[str, str], np.ndarray], step: int) -> State:
        """A state of these whole moments after so many steps."""
        placed = {(moment.kind, moment.leaf.key): self.put(moments[moment.kind, moment.leaf.key], moment.partition) for moment in self.program.optimizer.moments}
        count = self.put(np.asarray(step, np.int32), PartitionSpec())
        return State(values, self.program.optimizer.assemble(placed, count), self.put(np.asarray(False), PartitionSpec()))
