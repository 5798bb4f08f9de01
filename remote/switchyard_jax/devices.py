"""The programs of a run, compiled for the devices of a mesh, and arrays on their way there and back."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import Array
from jax.experimental import mesh_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .failure import RunFailure
from .mesh.axes import AXES, ROWS, MeshShape
from .model.parameters import Leaf, parameters_of
from .run.sharded import Arrays
from .training_step import EvaluationOutput, Program, State, StepInput, StepOutput, Tree


def mesh_of(shape: MeshShape, devices: list[Any]) -> Mesh:
    """The first devices as data x expert x model: rank = (data * X + expert) * M + model."""
    if len(devices) < shape.ranks:
        raise RunFailure("device-error", f"The mesh has {shape.ranks} ranks and there {'is' if len(devices) == 1 else 'are'} {len(devices)} "
                         f"{devices[0].platform.upper()} device{'' if len(devices) == 1 else 's'}; choose a smaller mesh.")
    processes = len({device.process_index for device in devices})
    if processes > 1 and shape.ranks != len(devices):
        raise RunFailure("device-error", f"The mesh has {shape.ranks} ranks and the {processes} workers have {len(devices)} devices, all of which have to take part; choose a mesh of {len(devices)}.")
    axes = (shape.data, shape.expert, shape.model)
    if devices[0].platform == "tpu" and len(devices) == shape.ranks:
        # Neighbours on an axis should be neighbours in the slice.
        return Mesh(mesh_utils.create_device_mesh(axes, devices, allow_split_physical_axes=True), AXES)
    return Mesh(np.asarray(devices[:shape.ranks]).reshape(axes), AXES)


class Devices:
    """A program on its mesh."""

    def __init__(self, program: Program, mesh: Mesh, together: Callable[[], None] = lambda: None) -> None:
        """together: waits for all processes, which compile by themselves and then have to begin at the same time."""
        self.program, self.mesh, self._together = program, mesh, together
        self._compiled: dict[Any, Callable[..., Any]] = {}
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

    def compiled(self, program: Any, *given: Any) -> Callable[..., Any]:
        """A program for what is given, or anything of its shapes."""
        key = (program, tuple(leaf.shape for leaf in jax.tree.leaves(given)))
        if key not in self._compiled:
            self._compiled[key] = program.lower(*given).compile()
            self._together()
        return self._compiled[key]

    def compile_step(self, state: State, batch: Tree, given: StepInput) -> None:
        """Ahead of the first step."""
        self.compiled(self._step, state, batch, given)

    def step(self, state: State, batch: Tree, given: StepInput) -> tuple[State, StepOutput]:
        return self.compiled(self._step, state, batch, given)(state, batch, given)

    def evaluate(self, state: State, batch: Tree) -> EvaluationOutput:
        return self.compiled(self._evaluate, state.values, batch)(state.values, batch)

    def logits(self, state: State, batch: Tree) -> Array:
        return self.compiled(self._forward, state.values, batch)(state.values, batch)

    def new_state(self, seed: int) -> State:
        """First values of the parameters, and moments of zero."""
        numbers = {parameter.name: i for i, parameter in enumerate(parameters_of(self.program.model))}

        def drawn(leaf: Leaf) -> Array:
            whole = [parameter.draw(seed, numbers[parameter.name]) for parameter in leaf.parameters]
            return self.put(np.stack(whole) if leaf.stacked else whole[0], leaf.partition)

        arrays: Arrays = {"values": {leaf.key: drawn(leaf) for leaf in self.program.leaves}}
        for moment in self.program.optimizer.moments:
            arrays.setdefault(moment.kind, {})[moment.leaf.key] = self.put(np.zeros(moment.shape, np.float32), moment.partition)
        return self.state_of(arrays, 0)

    def state_of(self, arrays: Arrays, step: int) -> State:
        """A state of these arrays after so many steps."""
        moments = {(moment.kind, moment.leaf.key): arrays[moment.kind][moment.leaf.key] for moment in self.program.optimizer.moments}
        count = self.put(np.asarray(step, np.int32), PartitionSpec())
        return State(arrays["values"], self.program.optimizer.assemble(moments, count), self.put(np.asarray(False), PartitionSpec()))

    def abstract(self, shape: tuple[int, ...], partition: PartitionSpec) -> jax.ShapeDtypeStruct:
        """An fp32 array of this shape, as the mesh cuts it."""
        return jax.ShapeDtypeStruct(shape, np.float32, sharding=NamedSharding(self.mesh, partition))
