// The kernels of the .cu files on the GPUs of this process: compiled and loaded once a GPU, started on the stream that libtorch works on.
#pragma once

#include <c10/core/Device.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>

namespace switchyard::kernels::cuda {

/// As the .cu files call them: name and storage type.
inline constexpr std::array KERNELS{"dropout_f32", "dropout_bf16", "addDropout_f32", "addDropout_bf16", "reluDropout_f32", "reluDropout_bf16",
                                    "reluDropoutBackward_f32", "reluDropoutBackward_bf16", "uniform_f32"};
/// Threads of a block.
constexpr int THREADS = 256;

/// Starts a kernel with at least so many threads; `arguments` point to its parameters, one each.
using Launch = std::function<void(const std::string& kernel, std::int64_t threads, void** arguments)>;

/// Makes the kernels ready on a GPU: within a second at the first call, nothing after it. A captured step needs it done before.
/// Says in one sentence why they can't be had there; empty where they can.
std::string prepare(c10::Device gpu);

/// Null where the kernels can't be had. It neither allocates nor waits, so a step that is captured as a graph may call it.
Launch launchOn(c10::Device gpu);

}  // namespace switchyard::kernels::cuda
