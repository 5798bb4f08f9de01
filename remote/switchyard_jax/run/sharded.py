"""The state as Orbax keeps it, in the folder `orbax` of a checkpoint: each process writes and reads its own shards, while steps go on.

For runs whose processes share the run directory, where gathering whole tensors would hold up all of them; and for whoever asks, to read a checkpoint with other
programs of JAX. Process 0 then makes the engine's files from it, in the background: these are what the manifest vouches for.
"""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

FOLDER = "orbax"
Arrays = dict[str, dict[str, Any]]
"""values, and moments by kind, of the leaves by their keys."""


class ShardedState:
    def __init__(self) -> None:
        import orbax.checkpoint as ocp  # takes a while to load, and most runs do without

        self._checkpointer = ocp.StandardCheckpointer()

    def save(self, checkpoint: Path, arrays: Arrays) -> None:
        """Returns once the devices may go on; `wait` until all is on the disk. All processes take part."""
        if jax.default_backend() == "cpu":
            arrays = jax.tree.map(jnp.copy, arrays)  # what looks like a copy on the host is the device's own memory there
        self._checkpointer.save(checkpoint / FOLDER, arrays)

    def wait(self) -> None:
        self._checkpointer.wait_until_finished()

    def load(self, checkpoint: Path, like: Arrays) -> Arrays:
        """like: ShapeDtypeStruct with the shardings that are wanted, whatever mesh wrote it."""
        return self._checkpointer.restore(checkpoint / FOLDER, like)

    @staticmethod
    def whole(checkpoint: Path, like: Arrays) -> Arrays:
        """All of it on this host, without the other processes."""
        import orbax.checkpoint as ocp

        alone = ocp.options.MultiprocessingOptions(primary_host=jax.process_index(), active_processes={jax.process_index()}, barrier_sync_key_prefix="whole")
        reader = ocp.Checkpointer(ocp.PyTreeCheckpointHandler(multiprocessing_options=alone), multiprocessing_options=alone)
        return reader.restore(checkpoint / FOLDER, args=ocp.args.PyTreeRestore(restore_args=jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), like)))
