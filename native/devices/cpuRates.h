// How fast this CPU is at what a training step does most: matrix products and memory traffic. Measured, for the planner.
#pragma once

namespace switchyard {

struct CpuRates {
  /// FLOP/s of kernels::linear, (2048, 256) · (1024, 256)ᵀ, a multiply-add as 2.
  double fp32 = 0, bf16 = 0;
  /// Bytes a second, read and written together, of a copy too large for the caches.
  double memoryBandwidth = 0;
};

/// The best of several tries of each on all threads; takes about a second.
CpuRates measureCpu();

}  // namespace switchyard
