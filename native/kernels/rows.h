// The inner loops, on plain pointers, built once per instruction set. Each works on a range or a row that one thread owns;
// the files beside this one cut tensors into such ranges at places that don't depend on the number of threads.
#pragma once

#include <vector>

#include "number.h"

namespace switchyard::kernels {

/// One AdamW update's scalars. Decoupled weight decay (Loshchilov & Hutter, 1711.05101).
struct AdamWFactors {
  float beta1, beta2, epsilon;
  /// 1 - learningRate · weightDecay.
  float decay;
  /// learningRate / (1 - beta1^step) and 1 / sqrt(1 - beta2^step).
  float stepSize, secondMomentScale;
  /// Multiplies the gradient: the global-norm clip.
  float gradientScale;
};

/// s(a) = linear·a + cubic·a³ of an activation a · σ(s(a)).
struct SmoothCurve {
  float linear, cubic;
};

template <class T>
struct Rows {
  /// y[i] = x[i] · factor(first + i), plus residual[i] where residual is given.
  void (*dropout)(const T* x, const T* residual, T* y, std::int64_t n, std::uint32_t first, const DropoutKey& key);
  /// y[i] = max(x[i], 0) · factor(first + i). Its gradient needs y alone.
  void (*reluDropout)(const T* x, T* y, std::int64_t n, std::uint32_t first, const DropoutKey& key);
  /// dx[i] = y[i] > 0 ? dy[i] · scale : 0.
  void (*reluDropoutBackward)(const T* dy, const T* y, T* dx, std::int64_t n, float scale);

  /// y[i] = a[i] · σ(s(a[i])) · b[i] · factor(first + i); b may be null for 1.
  void (*smoothDropout)(const T* a, const T* b, T* y, std::int64_t n, std::uint32_t first, const DropoutKey& key, const SmoothCurve& curve);
  /// The gradients of a, and of b where it is given.
  void (*smoothDropoutBackward)(const T* dy, const T* a, const T* b, T* da, T* db, std::int64_t n, std::uint32_t first,
                                const DropoutKey& key, const SmoothCurve& curve);

  /// y = x · w · r with r = 1 / sqrt(mean(x²) + epsilon); returns r. One row of d elements.
  float (*rmsNorm)(const T* x, const float* w, T* y, std::int64_t d, float epsilon);
  /// dx = r·(dy·w) - x·r³·mean(dy·w·x); dw += dy·x·r.
  void (*rmsNormBackward)(const T* dy, const T* x, const float* w, float r, T* dx, float* dw, std::int64_t d);

  /// logsumexp(x) of one row of n.
  float (*logSumExp)(const T* x, std::int64_t n);
  /// dx = (exp(x - logSumExp) - [i == target]) · scale.
  void (*crossEntropyBackward)(const T* x, float logSumExp, std::int64_t target, float scale, T* dx, std::int64_t n);

  /// One row of attention: p = softmax(s + bias + mask), dropped = p · factor(first + i). bias and mask (0 or -inf) may be
  /// null. A row that is masked throughout gives zeros. `s` and `p` may be the same memory.
  void (*attentionSoftmax)(const T* s, const float* bias, const float* mask, T* p, T* dropped, std::int64_t n,
                           std::uint32_t first, const DropoutKey& key);
  /// ds = p·(g - Σ p·g) with g = dDropped · factor; dBias += ds where dBias is given.
  void (*attentionSoftmaxBackward)(const T* dDropped, const T* p, T* ds, float* dBias, std::int64_t n,
                                   std::uint32_t first, const DropoutKey& key);

  /// y = x, rounded to T.
  void (*round)(const float* x, T* y, std::int64_t n);
  /// y = x · scale, a row.
  void (*scale)(const T* x, float scale, T* y, std::int64_t n);
  /// y = Σ w[k] · x[k] over `count` rows, rounded once.
  void (*weightedSum)(const T* const* x, const float* w, std::int64_t count, T* y, std::int64_t n);
  /// Σ a·b, a row.
  float (*dot)(const T* a, const T* b, std::int64_t n);
};

struct InstructionSet {
  const char* name;
  Rows<float> f32;
  Rows<BFloat16> bf16;
  /// w, m, v in place; shadow (may be null) receives w rounded to bfloat16.
  void (*adamW)(float* w, const float* g, float* m, float* v, BFloat16* shadow, std::int64_t n, const AdamWFactors& factors);
};

/// What this CPU can run of what was built, the baseline first and the widest last. All give results equal up to rounding; one
/// always gives the same bits.
const std::vector<const InstructionSet*>& instructionSets();
/// Whether the CPU has AVX-512.
bool hasWideVectors();
/// The widest of them.
const InstructionSet& instructionSet();

template <class T>
const Rows<T>& rows();
template <>
inline const Rows<float>& rows<float>() { return instructionSet().f32; }
template <>
inline const Rows<BFloat16>& rows<BFloat16>() { return instructionSet().bf16; }

}  // namespace switchyard::kernels
