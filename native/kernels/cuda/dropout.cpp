#include "dropout.h"

#include <ATen/ATen.h>

#include "../dropoutKey.h"
#include "../siteElements.h"
#include "site.h"

namespace switchyard::kernels::cuda {
namespace {

/// Elements that a thread takes (elements.h) are 16 bytes.
constexpr std::int64_t THREAD_BYTES = 16;

/// Starts `kernel` of the storage type of `y` over its elements. Parameters are passed as they lie here, so their types are those of the .cu file.
template <class... Parameters>
void start(const Launch& launch, const std::string& kernel, const at::Tensor& y, Parameters... parameters) {
  if (y.numel() == 0) return;
  void* arguments[] = {&parameters...};
  const auto bytes = static_cast<std::int64_t>(y.nbytes());
  launch(kernel + (y.scalar_type() == at::kFloat ? "_f32" : "_bf16"), (bytes + THREAD_BYTES - 1) / THREAD_BYTES, arguments);
}

const void* from(const at::Tensor& x) { return x.const_data_ptr(); }
void* to(const at::Tensor& y) { return y.data_ptr(); }

/// Words in the GPU's memory are read there alone.
Site siteOf(const DropoutSite& site, const SiteElements& elements) {
  auto here = site;
  here.words.reset();
  return {dropoutKey(here), site.words.defined() ? site.words.const_data_ptr<std::int64_t>() : nullptr, elements.numbers()};
}

SiteElements elementsOf(const at::Tensor& y, const DropoutSite& site) { return {site, y.numel(), y.size(-1)}; }

}  // namespace

bool applies(const at::Tensor& x) {
  return x.is_cuda() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) && prepare(x.device()).empty();
}

void dropout(const Launch& launch, const at::Tensor& residual, const at::Tensor& x, const at::Tensor& y, const DropoutSite& site) {
  const auto elements = elementsOf(y, site);
  if (residual.defined()) start(launch, "addDropout", y, from(residual), from(x), to(y), y.numel(), siteOf(site, elements));
  else start(launch, "dropout", y, from(x), to(y), y.numel(), siteOf(site, elements));
}

void reluDropout(const Launch& launch, const at::Tensor& x, const at::Tensor& y, const DropoutSite& site) {
  const auto elements = elementsOf(y, site);
  start(launch, "reluDropout", y, from(x), to(y), y.numel(), siteOf(site, elements));
}

void reluDropoutBackward(const Launch& launch, const at::Tensor& dy, const at::Tensor& y, const at::Tensor& dx, float scale) {
  start(launch, "reluDropoutBackward", dx, from(dy), from(y), to(dx), dx.numel(), scale);
}

void uniform(const Launch& launch, const at::Tensor& y, const DropoutSite& site) {
  const auto elements = elementsOf(y, site);
  start(launch, "uniform", y, to(y), y.numel(), siteOf(site, elements));
}

}  // namespace switchyard::kernels::cuda
