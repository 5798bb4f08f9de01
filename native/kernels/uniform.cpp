#include "uniform.h"

#include <ATen/ATen.h>

#include "cuda/dropout.h"
#include "dropoutKey.h"
#include "siteElements.h"
#include "tensors.h"

namespace switchyard::kernels {
namespace {

/// Words are scalars, or tensors without dimensions.
template <class Word>
at::Tensor mixed(const at::Tensor& elements, const Word& first, const Word& second) {
  constexpr std::int64_t low = 0xffffffff;
  auto h = elements.bitwise_and(low).bitwise_xor(first);
  h = h.bitwise_xor(h.bitwise_right_shift(16));
  h = h.mul(std::int64_t{0x21f0aaad}).bitwise_and(low);
  h = h.add(second).bitwise_and(low);
  h = h.bitwise_xor(h.bitwise_right_shift(15));
  h = h.mul(std::int64_t{0xd35a2d97}).bitwise_and(low);
  return h.bitwise_xor(h.bitwise_right_shift(15));
}

}  // namespace

at::Tensor randomWords(const at::Tensor& elements, const DropoutSite& site) {
  if (site.words.defined()) return mixed(elements, site.words.select(0, 0), site.words.select(0, 1));
  const auto [first, second] = dropoutWords(site.seed, site.stream);
  return mixed(elements, at::Scalar(std::int64_t{first}), at::Scalar(std::int64_t{second}));
}

at::Tensor siteNumbers(at::IntArrayRef sizes, const DropoutSite& site, const at::TensorOptions& options) {
  const auto elements = c10::multiply_integers(sizes), columns = sizes.empty() ? 1 : sizes.back(), rows = elements / columns;
  const auto integers = options.dtype(at::kLong);
  const auto row = site.rowNumbers.defined() ? site.rowNumbers : at::arange(rows, integers).add_(site.rows.index * rows);
  return (row.unsqueeze(1) * (columns * site.columns.of) + at::arange(columns, integers).add_(columns * site.columns.index)).view(-1);
}

at::Tensor uniformReference(at::IntArrayRef sizes, const DropoutSite& site, const at::TensorOptions& options) {
  const auto words = randomWords(siteNumbers(sizes, site, options), site);
  return words.bitwise_right_shift(UNIFORM_UNUSED_BITS).to(options.dtype()).add_(0.5).mul_(UNIFORM_STEP).view(sizes);
}

at::Tensor uniform(at::IntArrayRef sizes, const DropoutSite& site, const at::TensorOptions& options) {
  auto y = at::empty(sizes, options);
  if (y.scalar_type() == at::kFloat && cuda::applies(y)) {
    cuda::uniform(cuda::launchOn(y.device()), y, site);
    return y;
  }
  if (!y.device().is_cpu() || y.scalar_type() != at::kFloat) return uniformReference(sizes, site, options);
  const auto key = dropoutKey(site);
  SiteElements(site, y.numel(), sizes.back()).inRuns(y.numel(), [&](std::int64_t begin, std::int64_t end, std::uint32_t first) {
    for (auto i = begin; i < end; ++i) data<float>(y)[i] = uniformNumber(randomBits(key.first, key.second, first + static_cast<std::uint32_t>(i - begin)));
  });
  return y;
}

}  // namespace switchyard::kernels
