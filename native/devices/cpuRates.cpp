#include "cpuRates.h"

#include <torch/types.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "../kernels/product.h"

namespace switchyard {
namespace {

constexpr double SECONDS_EACH = 0.3;

/// Seconds of the fastest of as many tries as fit into SECONDS_EACH; the first, which warms up, does not count.
double fastest(const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  work();
  const auto seconds = [](Clock::duration duration) { return std::chrono::duration<double>(duration).count(); };
  const auto begin = Clock::now();
  double best = 0;
  do {
    const auto start = Clock::now();
    work();
    const double taken = seconds(Clock::now() - start);
    best = best == 0 ? taken : std::min(best, taken);
  } while (seconds(Clock::now() - begin) < SECONDS_EACH);
  return best;
}

double productRate(at::ScalarType type) {
  constexpr std::int64_t ROWS = 2048, INNER = 256, COLUMNS = 1024;
  const auto x = at::randn({ROWS, INNER}).to(type), w = at::randn({COLUMNS, INNER}).to(type);
  return 2.0 * ROWS * INNER * COLUMNS / fastest([&] { kernels::linear(x, w); });
}

double copyRate() {
  constexpr std::int64_t FLOATS = 32 << 20;
  const auto from = at::zeros({FLOATS}), to = at::ones({FLOATS});
  return 2.0 * FLOATS * sizeof(float) / fastest([&] { to.copy_(from); });
}

}  // namespace

CpuRates measureCpu() {
  const at::NoGradGuard noGradients;
  return {productRate(at::kFloat), productRate(at::kBFloat16), copyRate()};
}

}  // namespace switchyard
