"""Writes the event files of backend/fixtures/logs with real writers: tensorboardX 2.6.5, and tensorboard 2.21.0's protocol buffers for scalars
that TensorFlow 2 and CLU write as tensors.

Usage: pip install tensorboardX==2.6.5 tensorboard==2.21.0 numpy && python scripts/makeLogFixtures.py backend/fixtures/logs

The times in the files are those of the run, so a new run changes their bytes but not what the tests ask.
"""

import os
import shutil
import sys

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util import tensor_util
from tensorboardX import SummaryWriter

out = sys.argv[1]


def fresh(name):
    folder = os.path.join(out, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def maxtext():
    """Tags and order of MaxText's metric_logger.py, which writes with tensorboardX."""
    writer = SummaryWriter(fresh("maxtext"))
    for step in range(20):
        writer.add_scalar("learning/loss", 10 - step / 4, step)
        writer.add_scalar("learning/moe_lb_loss", 0.0, step)
        writer.add_scalar("learning/raw_grad_norm", 1.5 if step != 7 else float("nan"), step)
        writer.add_scalar("perf/step_time_seconds", 0.25, step)
        writer.add_scalar("perf/per_device_tokens_per_sec", 4000 + step, step)
    writer.add_text("num_model_parameters", "1234", 0)
    writer.add_histogram("weights", [0.0, 1.0, 2.0], 3)
    writer.close()


def restarted():
    """A run that goes on from step 6 in a second file: purge_step writes SessionLog.START there."""
    folder = fresh("restarted")
    writer = SummaryWriter(folder, filename_suffix=".first")
    for step in range(10):
        writer.add_scalar("Loss/train", 100 + step, step)
    writer.close()
    writer = SummaryWriter(folder, filename_suffix=".second", purge_step=6)
    for step in range(6, 12):
        writer.add_scalar("Loss/train", 200 + step, step)
    writer.close()


def tensors():
    """Rank-0 tensors as tf.summary.scalar and CLU write them: float_val, tensor_content, and the dtypes of both."""
    writer = EventFileWriter(fresh("tensors"))

    def add(tag, tensor, step):
        metadata = summary_pb2.SummaryMetadata(plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="scalars"))
        value = summary_pb2.Summary.Value(tag=tag, tensor=tensor, metadata=metadata if step == 0 else None)
        writer.add_event(event_pb2.Event(wall_time=1790000000 + step, step=step, summary=summary_pb2.Summary(value=[value])))

    import numpy as np
    for step in range(5):
        add("epoch_loss", tensor_util.make_tensor_proto(np.float32(4.5 - step)), step)
        add("epoch_accuracy", tensor_util.make_tensor_proto(np.float64(step / 8)), step)
        add("int32", tensor_util.make_tensor_proto(np.int32(-step)), step)
        add("content", TensorProto(dtype=1, tensor_content=np.float32(step + 0.5).tobytes()), step)
        add("content64", TensorProto(dtype=9, tensor_content=np.int64(-7 * step).tobytes()), step)
        add("vector", tensor_util.make_tensor_proto(np.float32([1, 2, 3])), step)
    writer.close()


maxtext()
restarted()
tensors()
