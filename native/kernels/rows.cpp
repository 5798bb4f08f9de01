// Built once for every instruction set that CMakeLists.txt names (KERNELS_SET, KERNELS_NAME): AVX2 runs these loops twice as
// wide as the baseline, AVX-512 four times. Sums are kept in LANES separate accumulators, so that the compiler may vectorise
// them without -ffast-math and their order is fixed.
#include "rows.h"

#include <cmath>
#include <limits>

namespace switchyard::kernels {
namespace {

constexpr int LANES = 32;

float total(const float* lanes) {
  float folded[LANES];
  for (int j = 0; j < LANES; ++j) folded[j] = lanes[j];
  for (int width = LANES / 2; width > 0; width /= 2)
    for (int j = 0; j < width; ++j) folded[j] += folded[j + width];
  return folded[0];
}

/// Σ term(i), i < n.
template <class Term>
float sum(std::int64_t n, Term term) {
  float lanes[LANES] = {};
  std::int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int j = 0; j < LANES; ++j) lanes[j] += term(i + j);
  for (int j = 0; i < n; ++i, ++j) lanes[j] += term(i);
  return total(lanes);
}

/// Largest value(i), i < n; -inf for none. NaN is passed over: it comes out in the sum that follows.
template <class Value>
float maximum(std::int64_t n, Value value) {
  float lanes[LANES];
  for (float& lane : lanes) lane = -std::numeric_limits<float>::infinity();
  std::int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int j = 0; j < LANES; ++j) {
      const float candidate = value(i + j);
      lanes[j] = candidate > lanes[j] ? candidate : lanes[j];
    }
  for (; i < n; ++i) lanes[0] = value(i) > lanes[0] ? value(i) : lanes[0];
  float result = lanes[0];
  for (int j = 1; j < LANES; ++j) result = lanes[j] > result ? lanes[j] : result;
  return result;
}

template <class T>
void dropout(const T* __restrict x, const T* __restrict residual, T* __restrict y, std::int64_t n, std::uint32_t first,
             const DropoutKey& by) {
  const DropoutKey key = by;
  if (residual == nullptr)
    for (std::int64_t i = 0; i < n; ++i) store(y[i], toFloat(x[i]) * dropoutFactor(key, first + static_cast<std::uint32_t>(i)));
  else
    for (std::int64_t i = 0; i < n; ++i)
      store(y[i], toFloat(residual[i]) + toFloat(x[i]) * dropoutFactor(key, first + static_cast<std::uint32_t>(i)));
}

template <class T>
void reluDropout(const T* __restrict x, T* __restrict y, std::int64_t n, std::uint32_t first, const DropoutKey& by) {
  const DropoutKey key = by;
  for (std::int64_t i = 0; i < n; ++i) {
    const float value = toFloat(x[i]);
    store(y[i], (value < 0.0F ? 0.0F : value) * dropoutFactor(key, first + static_cast<std::uint32_t>(i)));
  }
}

template <class T>
void reluDropoutBackward(const T* __restrict dy, const T* __restrict y, T* __restrict dx, std::int64_t n, float scale) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float gradient = toFloat(dy[i]) * scale;
    store(dx[i], toFloat(y[i]) > 0.0F ? gradient : 0.0F);
  }
}

float sigmoid(float x) { return 1.0F / (1.0F + exponential(-x)); }

template <class T>
void smoothDropout(const T* __restrict a, const T* __restrict b, T* __restrict y, std::int64_t n, std::uint32_t first,
                   const DropoutKey& by, const SmoothCurve& curve) {
  const DropoutKey key = by;
  const auto [linear, cubic] = curve;
  const auto value = [&](std::int64_t i) {
    const float x = toFloat(a[i]);
    return x * sigmoid(x * (linear + cubic * x * x)) * dropoutFactor(key, first + static_cast<std::uint32_t>(i));
  };
  if (b == nullptr)
    for (std::int64_t i = 0; i < n; ++i) store(y[i], value(i));
  else
    for (std::int64_t i = 0; i < n; ++i) store(y[i], value(i) * toFloat(b[i]));
}

template <class T>
void smoothDropoutBackward(const T* __restrict dy, const T* __restrict a, const T* __restrict b, T* __restrict da,
                           T* __restrict db, std::int64_t n, std::uint32_t first, const DropoutKey& by, const SmoothCurve& curve) {
  const DropoutKey key = by;
  const auto [linear, cubic] = curve;
  const auto gradient = [&](std::int64_t i) { return toFloat(dy[i]) * dropoutFactor(key, first + static_cast<std::uint32_t>(i)); };
  // d/dx x·σ(s) = σ + x·σ·(1-σ)·s'
  const auto slope = [&](float x, float gate) { return gate + x * gate * (1.0F - gate) * (linear + 3.0F * cubic * x * x); };
  const auto gateOf = [&](float x) { return sigmoid(x * (linear + cubic * x * x)); };
  if (b == nullptr)
    for (std::int64_t i = 0; i < n; ++i) {
      const float x = toFloat(a[i]);
      store(da[i], gradient(i) * slope(x, gateOf(x)));
    }
  else
    for (std::int64_t i = 0; i < n; ++i) {
      const float x = toFloat(a[i]), gate = gateOf(x), g = gradient(i);
      store(da[i], g * toFloat(b[i]) * slope(x, gate));
      store(db[i], g * x * gate);
    }
}

template <class T>
float rmsNorm(const T* __restrict x, const float* __restrict w, T* __restrict y, std::int64_t d, float epsilon) {
  const float squares = sum(d, [&](std::int64_t i) { return toFloat(x[i]) * toFloat(x[i]); });
  const float r = 1.0F / std::sqrt(squares / static_cast<float>(d) + epsilon);
  for (std::int64_t i = 0; i < d; ++i) store(y[i], toFloat(x[i]) * r * w[i]);
  return r;
}

template <class T>
void rmsNormBackward(const T* __restrict dy, const T* __restrict x, const float* __restrict w, float r, T* __restrict dx,
                     float* __restrict dw, std::int64_t d) {
  const float product = sum(d, [&](std::int64_t i) { return toFloat(dy[i]) * w[i] * toFloat(x[i]); });
  const float back = product / static_cast<float>(d) * r * r * r;
  for (std::int64_t i = 0; i < d; ++i) {
    const float gradient = toFloat(dy[i]);
    const float value = toFloat(x[i]);
    dw[i] += gradient * value * r;
    store(dx[i], gradient * w[i] * r - value * back);
  }
}

template <class T>
float logSumExp(const T* __restrict x, std::int64_t n) {
  const float top = maximum(n, [&](std::int64_t i) { return toFloat(x[i]); });
  return top + std::log(sum(n, [&](std::int64_t i) { return exponential(toFloat(x[i]) - top); }));
}

template <class T>
void crossEntropyBackward(const T* __restrict x, float logSumExp, std::int64_t target, float scale, T* __restrict dx,
                          std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) store(dx[i], exponential(toFloat(x[i]) - logSumExp) * scale);
  store(dx[target], (exponential(toFloat(x[target]) - logSumExp) - 1.0F) * scale);
}

/// The longest row whose floats are kept on the stack between the passes of a softmax; longer ones go through the output.
constexpr std::int64_t ROW = 4096;

template <class T>
void attentionSoftmax(const T* s, const float* bias, const float* mask, T* p, T* dropped, std::int64_t n,
                      std::uint32_t first, const DropoutKey& by) {
  const DropoutKey key = by;
  float row[ROW];
  const auto score = [&](std::int64_t i) {
    return toFloat(s[i]) + (bias == nullptr ? 0.0F : bias[i]) + (mask == nullptr ? 0.0F : mask[i]);
  };
  const bool fits = n <= ROW;
  float top;
  if (fits) {
    if (bias != nullptr && mask != nullptr)
      for (std::int64_t i = 0; i < n; ++i) row[i] = toFloat(s[i]) + bias[i] + mask[i];
    else if (bias != nullptr)
      for (std::int64_t i = 0; i < n; ++i) row[i] = toFloat(s[i]) + bias[i];
    else if (mask != nullptr)
      for (std::int64_t i = 0; i < n; ++i) row[i] = toFloat(s[i]) + mask[i];
    else
      for (std::int64_t i = 0; i < n; ++i) row[i] = toFloat(s[i]);
    top = maximum(n, [&](std::int64_t i) { return row[i]; });
  } else {
    top = maximum(n, score);
  }
  if (top == -std::numeric_limits<float>::infinity()) {
    // Masked throughout; or NaN throughout, which `maximum` passes over, and which must not vanish.
    const float all = sum(n, score);
    const float value = std::isnan(all) ? all : 0.0F;
    for (std::int64_t i = 0; i < n; ++i) {
      store(p[i], value);
      store(dropped[i], value);
    }
    return;
  }
  if (fits) {
    for (std::int64_t i = 0; i < n; ++i) row[i] = exponential(row[i] - top);
    const float scale = 1.0F / sum(n, [&](std::int64_t i) { return row[i]; });
    for (std::int64_t i = 0; i < n; ++i) {
      const float probability = row[i] * scale;
      store(p[i], probability);
      store(dropped[i], probability * dropoutFactor(key, first + static_cast<std::uint32_t>(i)));
    }
    return;
  }
  const float scale = 1.0F / sum(n, [&](std::int64_t i) { return exponential(score(i) - top); });
  for (std::int64_t i = 0; i < n; ++i) {
    const float probability = exponential(score(i) - top) * scale;
    store(p[i], probability);
    store(dropped[i], probability * dropoutFactor(key, first + static_cast<std::uint32_t>(i)));
  }
}

template <class T>
void attentionSoftmaxBackward(const T* __restrict dDropped, const T* __restrict p, T* __restrict ds,
                              float* __restrict dBias, std::int64_t n, std::uint32_t first, const DropoutKey& by) {
  const DropoutKey key = by;
  const auto gradient = [&](std::int64_t i) {
    return toFloat(dDropped[i]) * dropoutFactor(key, first + static_cast<std::uint32_t>(i));
  };
  const float mean = sum(n, [&](std::int64_t i) { return toFloat(p[i]) * gradient(i); });
  if (dBias == nullptr)
    for (std::int64_t i = 0; i < n; ++i) store(ds[i], toFloat(p[i]) * (gradient(i) - mean));
  else
    for (std::int64_t i = 0; i < n; ++i) {
      const float value = toFloat(p[i]) * (gradient(i) - mean);
      dBias[i] += value;
      store(ds[i], value);
    }
}

template <class T>
void roundRow(const float* __restrict x, T* __restrict y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) store(y[i], x[i]);
}

template <class T>
void scaleRow(const T* __restrict x, float scale, T* __restrict y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) store(y[i], toFloat(x[i]) * scale);
}

template <class T>
void weightedSum(const T* const* x, const float* w, std::int64_t count, T* __restrict y, std::int64_t n) {
  constexpr std::int64_t BLOCK = 64;
  float sums[BLOCK];
  for (std::int64_t begin = 0; begin < n; begin += BLOCK) {
    const std::int64_t size = n - begin < BLOCK ? n - begin : BLOCK;
    for (std::int64_t i = 0; i < size; ++i) sums[i] = 0.0F;
    for (std::int64_t k = 0; k < count; ++k) {
      const T* row = x[k] + begin;
      const float weight = w[k];
      for (std::int64_t i = 0; i < size; ++i) sums[i] += weight * toFloat(row[i]);
    }
    for (std::int64_t i = 0; i < size; ++i) store(y[begin + i], sums[i]);
  }
}

template <class T>
float dot(const T* __restrict a, const T* __restrict b, std::int64_t n) {
  return sum(n, [&](std::int64_t i) { return toFloat(a[i]) * toFloat(b[i]); });
}

void adamW(float* __restrict w, const float* __restrict g, float* __restrict m, float* __restrict v,
           BFloat16* __restrict shadow, std::int64_t n, const AdamWFactors& by) {
  const AdamWFactors f = by;
  const auto update = [&](std::int64_t i) {
    const float gradient = g[i] * f.gradientScale;
    m[i] = m[i] + (1.0F - f.beta1) * (gradient - m[i]);
    v[i] = f.beta2 * v[i] + (1.0F - f.beta2) * gradient * gradient;
    w[i] = w[i] * f.decay - f.stepSize * m[i] / (std::sqrt(v[i]) * f.secondMomentScale + f.epsilon);
  };
  if (shadow == nullptr)
    for (std::int64_t i = 0; i < n; ++i) update(i);
  else
    for (std::int64_t i = 0; i < n; ++i) {
      update(i);
      store(shadow[i], w[i]);
    }
}

template <class T>
constexpr Rows<T> rowsOf() {
  return {dropout<T>, reluDropout<T>, reluDropoutBackward<T>, smoothDropout<T>, smoothDropoutBackward<T>, rmsNorm<T>, rmsNormBackward<T>, logSumExp<T>,
          crossEntropyBackward<T>, attentionSoftmax<T>, attentionSoftmaxBackward<T>, roundRow<T>, scaleRow<T>, weightedSum<T>, dot<T>};
}

}  // namespace

extern const InstructionSet KERNELS_SET;
const InstructionSet KERNELS_SET{KERNELS_NAME, rowsOf<float>(), rowsOf<BFloat16>(), adamW};

}  // namespace switchyard::kernels
