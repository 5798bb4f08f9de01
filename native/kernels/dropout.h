// Dropout whose mask is a function of (seed, stream, element): nothing is stored, backward makes the mask again, a resumed
// run repeats it, and every device and thread count drops the same elements.
#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>

namespace switchyard::kernels {

/// An equal part of a greater whole: number `index` of `of`.
struct Share {
  std::int64_t index = 0, of = 1;
};

/// One place in the model at one step. A tensor at a place may be a part of the one that a single rank would hold there: its elements
/// then have the numbers they have in the whole, so that every mesh draws the same mask.
struct DropoutSite {
  std::uint64_t seed = 0;
  /// Differs for every (step, layer, place).
  std::uint64_t stream = 0;
  /// 0 <= probability < 1; 0 keeps everything.
  double probability = 0.0;
  /// Which rows of the whole are at hand, and which columns of them.
  Share rows = {}, columns = {};
  /// int64, the number in the whole of each row at hand; undefined where `rows` says it.
  at::Tensor rowNumbers = {};
  /// int64 (2), dropoutWords of the seed and the stream in memory that a captured step reads again; undefined where the two above say it.
  at::Tensor words = {};
};

/// The two 32-bit words that a mask is made of, which stand for a seed and a stream.
std::array<std::uint32_t, 2> dropoutWords(std::uint64_t seed, std::uint64_t stream);

/// y = x · factor, factor 0 with the site's probability p, else 1 / (1 - p). Any shape.
at::Tensor dropout(const at::Tensor& x, const DropoutSite& site);

/// y = residual + dropout(x), rounded once. Both of one shape and type.
at::Tensor addDropout(const at::Tensor& residual, const at::Tensor& x, const DropoutSite& site);

/// y = dropout(max(x, 0)). Keeps y alone for the backward pass, which the next matrix product keeps anyway.
at::Tensor reluDropout(const at::Tensor& x, const DropoutSite& site);

/// The factors of a site as a tensor of `sizes`, by libtorch's ops on any device: the tested reference. The last dimension is the
/// site's columns.
at::Tensor dropoutFactors(at::IntArrayRef sizes, const DropoutSite& site, const at::TensorOptions& options);

}  // namespace switchyard::kernels
