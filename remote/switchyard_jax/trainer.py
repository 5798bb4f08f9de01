"""A run's model on its devices: batches in, what a step found out, and whole tensors for a checkpoint."""

from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils

from .data.batches import Batch
from .devices import Devices
from .model.facts import unpack
from .model.parameters import Leaf
from .model.sites import site_keys
from .model.transformer import places_in
from .optim.schedule import learning_rate
from .run.checkpoints import Tensors
from .run.sharded import Arrays
from .training_step import SCALARS, EvaluationOutput, Routed, StepInput, StepOutput


class Stepped(NamedTuple):
    """A step that was handed to the devices."""

    step: int
    output: StepOutput
    learning_rate: float
    lengths: dict[str, int]


class Trainer:
    def __init__(self, spec: dict[str, Any], steps: int, devices: Devices) -> None:
        self.spec, self.steps, self.devices = spec, steps, devices
        self.program = devices.program
        self.model = self.program.model
        self._places = places_in(self.model)
        self._state: Any = None

    def begin(self) -> None:
        """Fresh weights."""
        self._state = self.devices.new_state(self.spec["seed"])

    @property
    def parameter_count(self) -> int:
        return sum(int(np.prod(leaf.shape)) for leaf in self.program.leaves)

    @property
    def checkpoint_bytes(self) -> int:
        """About what a checkpoint takes."""
        return 4 * (self.parameter_count + sum(int(np.prod(moment.shape)) for moment in self.program.optimizer.moments))

    def compile(self, batch: Batch) -> None:
        """Ahead of the first step."""
        given, _ = self._given(1, batch, 0)
        self.devices.compile_step(self._state, self.devices.put_batch(batch), given)

    def step(self, step: int, batch: Batch, request: int) -> Stepped:
        """Hands a step to the devices; what comes of it is not waited for."""
        given, rate = self._given(step, batch, request)
        self._state, output = self.devices.step(self._state, self.devices.put_batch(batch), given)
        return Stepped(step, output, rate, {"batch": len(batch["labels"]), **self._lengths(batch)})

    def _given(self, step: int, batch: Batch, request: int) -> tuple[StepInput, float]:
        """What the host knows of a step, and its learning rate."""
        training, sparse = self.spec["training"], self.spec["model"]["sparse"]
        rate = learning_rate(training, self.steps, step)
        balanced = sparse is not None and (sparse["auxiliaryLossSteps"] is None or step <= sparse["auxiliaryLossSteps"])
        auxiliary = sparse["auxiliaryLoss"] if balanced and sparse["balancing"] == "auxiliary-loss" else 0.0
        targets = int((batch["labels"] != self.model.pad).sum())
        return self.devices.put_input(site_keys(self.spec["seed"], step, self._places), rate, targets, auxiliary, sparse["zLoss"] if balanced else 0.0, request), rate

    def evaluate(self, batch: Batch) -> tuple[EvaluationOutput, dict[str, int]]:
        """Of a batch whose rows the mesh may not divide: rows of padding are added."""
        short = -len(batch["labels"]) % self.program.mesh.shares
        padded = {name: np.pad(ids, ((0, short), (0, 0)), constant_values=self.model.pad) for name, ids in batch.items()} if short else batch
        return self.devices.evaluate(self._state, self.devices.put_batch(padded)), {"batch": len(padded["labels"]), **self._lengths(batch)}

    def _lengths(self, batch: Batch) -> dict[str, int]:
        return {"decoder": batch["labels"].shape[1], **({"encoder": batch["input"].shape[1]} if "input" in batch else {})}

    def routing(self, routed: Routed, lengths: dict[str, int], training: bool) -> list[dict[str, Any]]:
        """The sparse layers' facts, the encoder's first. Waits for the devices."""
        layers = []
        for stack, blocks in self.model.stacks():
            if stack not in routed:
                continue
            layout = self.program.layout(lengths["batch"] // self.program.mesh.shares, lengths[stack], training)
            facts, auxiliary, z = (np.asarray(x) for x in routed[stack])
            numbers = [i for i, sparse in enumerate(blocks) if sparse]
            layers += [unpack(self.model.sparse, facts[i], float(auxiliary[i]), float(z[i]), stack, number, layout.capacity, layout.all_groups) for i, number in enumerate(numbers)]
        return layers

    def scalars(self, stepped: Stepped) -> dict[str, float]:
        """Waits for the step."""
        return dict(zip(SCALARS, (float(x) for x in np.asarray(stepped.output.scalars)), strict=True))

    def arrays(self) -> Arrays:
        """The state's arrays, as they lie on the devices."""
        arrays: Arrays = {"values": self._state.values}
        for (kind, key), array in self.program.optimizer.read(self._state.optimizer).items():
            arrays.setdefault(kind, {})[key] = array
        return arrays

    def tensors(self) -> tuple[Tensors, Tensors]:
        """Parameters and moments, whole and by the engine's names. On several processes all take part."""
        return self.named(jax.tree.map(self._whole, self.arrays()))

    def named(self, arrays: Arrays) -> tuple[Tensors, Tensors]:
        """Whole arrays by the engine's names: parameters and moments."""
        model: Tensors = {}
        for leaf in self.program.leaves:
            model.update(_apart(leaf, arrays["values"][leaf.key]))
        optimizer: Tensors = {}
        for moment in self.program.optimizer.moments:
            optimizer.update({f"{moment.kind}.{name}": x for name, x in _apart(moment.leaf, arrays[moment.kind][moment.leaf.key]).items()})
        return model, optimizer

    @staticmethod
    def _whole(array: jax.Array) -> np.ndarray:
        """A copy on the host: the next step writes where the array stands."""
        return np.array(array) if array.is_fully_addressable else np.asarray(multihost_utils.process_allgather(array, tiled=True))

    def abstract(self) -> Arrays:
        """Shapes of the state's arrays, and how this mesh cuts them."""
        arrays: Arrays = {"values": {leaf.key: self.devices.abstract(leaf.shape, leaf.partition) for leaf in self.program.leaves}}
        for moment in self.program.optimizer.moments:
            arrays.setdefault(moment.kind, {})[moment.leaf.key] = self.devices.abstract(moment.shape, moment.partition)
        return arrays

    def expected(self) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
        """Names and shapes of a checkpoint's tensors."""
        model = {parameter.name: parameter.shape for leaf in self.program.leaves for parameter in leaf.parameters}
        optimizer = {f"{moment.kind}.{parameter.name}": moment.shape[1:] if moment.leaf.stacked else moment.shape for moment in self.program.optimizer.moments for parameter in moment.leaf.parameters}
        return model, optimizer

    def load(self, model: Tensors, optimizer: Tensors, step: int) -> None:
        """Goes on from whole tensors, which every process has."""

        def together(leaf: Leaf, tensors: Tensors, prefix: str) -> np.ndarray:
            parts = [tensors[prefix + parameter.name] for parameter in leaf.parameters]
            return np.stack(parts) if leaf.stacked else parts[0]

        arrays: Arrays = {"values": {leaf.key: self.devices.put(together(leaf, model, ""), leaf.partition) for leaf in self.program.leaves}}
        for moment in self.program.optimizer.moments:
            arrays.setdefault(moment.kind, {})[moment.leaf.key] = self.devices.put(together(moment.leaf, optimizer, f"{moment.kind}."), moment.partition)
        self.go_on(arrays, step)

    def go_on(self, arrays: Arrays, step: int) -> None:
        """From arrays that lie on the devices."""
        self._state = self.devices.state_of(arrays, step)

    def logits(self, batch: Batch) -> jax.Array:
        """(B, T, V) as in an evaluation."""
        return self.devices.logits(self._state, self.devices.put_batch(batch))


def _apart(leaf: Leaf, array: np.ndarray) -> Tensors:
    """What a leaf holds of each of its parameters."""
    return {parameter.name: array[i] if leaf.stacked else array for i, parameter in enumerate(leaf.parameters)}
