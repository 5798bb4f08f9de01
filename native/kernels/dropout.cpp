#include "dropout.h"

#include "cuda/dropout.h"
#include "dropoutKey.h"
#include "keptSite.h"
#include "siteElements.h"
#include "splitMix.h"
#include "tensors.h"
#include "uniform.h"

namespace switchyard::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::uint32_t thresholdOf(double probability) { return static_cast<std::uint32_t>(probability * 4294967296.0); }
float scaleOf(double probability) { return static_cast<float>(1.0 / (1.0 - probability)); }

/// On the host, which must have them.
std::array<std::uint32_t, 2> wordsOf(const DropoutSite& site) {
  if (!site.words.defined()) return dropoutWords(site.seed, site.stream);
  const auto* words = site.words.const_data_ptr<std::int64_t>();
  return {static_cast<std::uint32_t>(words[0]), static_cast<std::uint32_t>(words[1])};
}

/// Whether there is a loop for this tensor, or a kernel.
bool isFused(const at::Tensor& x) { return applies(x) || cuda::applies(x); }

at::Tensor dropped(const at::Tensor& x, const at::Tensor* residual, const DropoutSite& site) {
  const auto input = x.contiguous();
  const auto added = residual == nullptr ? at::Tensor() : residual->contiguous();
  auto y = at::empty_like(input);
  if (y.is_cuda()) {
    cuda::dropout(cuda::launchOn(y.device()), added, input, y, site);
    return y;
  }
  const auto key = dropoutKey(site);
  const SiteElements elements(site, input.numel(), input.size(-1));
  forStorage(input, [&]<class T>(T) {
    elements.inRuns(input.numel(), [&](std::int64_t begin, std::int64_t end, std::uint32_t first) {
      rows<T>().dropout(data<T>(input) + begin, added.defined() ? data<T>(added) + begin : nullptr, data<T>(y) + begin, end - begin, first, key);
    });
  });
  return y;
}

struct Dropout : torch::autograd::Function<Dropout> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const DropoutSite& site) {
    keepSite(context, site);
    return dropped(x, nullptr, site);
  }
  static variable_list backward(AutogradContext* context, variable_list dy) {
    return {dropped(dy[0], nullptr, keptSite(context)), {}};
  }
};

struct AddDropout : torch::autograd::Function<AddDropout> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& residual, const at::Tensor& x, const DropoutSite& site) {
    keepSite(context, site);
    return dropped(x, &residual, site);
  }
  static variable_list backward(AutogradContext* context, variable_list dy) {
    return {dy[0], dropped(dy[0], nullptr, keptSite(context)), {}};
  }
};

struct ReluDropout : torch::autograd::Function<ReluDropout> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const DropoutSite& site) {
    const auto input = x.contiguous();
    auto y = at::empty_like(input);
    if (y.is_cuda()) {
      cuda::reluDropout(cuda::launchOn(y.device()), input, y, site);
    } else {
      const auto key = dropoutKey(site);
      const SiteElements elements(site, input.numel(), input.size(-1));
      forStorage(input, [&]<class T>(T) {
        elements.inRuns(input.numel(), [&](std::int64_t begin, std::int64_t end, std::uint32_t first) {
          rows<T>().reluDropout(data<T>(input) + begin, data<T>(y) + begin, end - begin, first, key);
        });
      });
    }
    context->save_for_backward({y});
    context->saved_data["scale"] = static_cast<double>(scaleOf(site.probability));
    return y;
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto y = context->get_saved_variables()[0];
    const auto dy = gradients[0].contiguous();
    auto dx = at::empty_like(dy);
    const auto scale = static_cast<float>(context->saved_data["scale"].toDouble());
    if (dx.is_cuda()) {
      cuda::reluDropoutBackward(cuda::launchOn(dx.device()), dy, y, dx, scale);
      return {dx, {}};
    }
    forStorage(dy, [&]<class T>(T) {
      at::parallel_for(0, dy.numel(), GRAIN, [&](std::int64_t begin, std::int64_t end) {
        rows<T>().reluDropoutBackward(data<T>(dy) + begin, data<T>(y) + begin, data<T>(dx) + begin, end - begin, scale);
      });
    });
    return {dx, {}};
  }
};

}  // namespace

std::array<std::uint32_t, 2> dropoutWords(std::uint64_t seed, std::uint64_t stream) {
  const auto word = splitMix64(splitMix64(seed) ^ stream);
  return {static_cast<std::uint32_t>(word), static_cast<std::uint32_t>(word >> 32)};
}

DropoutKey dropoutKey(const DropoutSite& site) {
  TORCH_CHECK(site.probability >= 0.0 && site.probability < 1.0, "Dropout probability must be at least 0 and below 1.");
  const auto [first, second] = wordsOf(site);
  return {first, second, thresholdOf(site.probability), scaleOf(site.probability)};
}

at::Tensor dropoutFactors(at::IntArrayRef sizes, const DropoutSite& site, const at::TensorOptions& options) {
  const auto words = randomWords(siteNumbers(sizes, site, options), site);
  return words.ge(static_cast<std::int64_t>(thresholdOf(site.probability))).to(options.dtype()).mul(scaleOf(site.probability)).view(sizes);
}

at::Tensor dropout(const at::Tensor& x, const DropoutSite& site) {
  if (site.probability == 0.0) return x;
  if (isFused(x)) return Dropout::apply(x, site);
  return x * dropoutFactors(x.sizes(), site, x.options());
}

at::Tensor addDropout(const at::Tensor& residual, const at::Tensor& x, const DropoutSite& site) {
  if (site.probability == 0.0) return residual + x;
  TORCH_CHECK(residual.sizes() == x.sizes(), "The residual and what is added to it must have one shape.");
  if (isFused(x) && residual.scalar_type() == x.scalar_type()) return AddDropout::apply(residual, x, site);
  return residual + dropout(x, site);
}

at::Tensor reluDropout(const at::Tensor& x, const DropoutSite& site) {
  if (isFused(x)) return ReluDropout::apply(x, site);
  return dropout(at::threshold(x, 0.0, 0.0), site);  // relu has no meta implementation in C++
}

}  // namespace switchyard::kernels
