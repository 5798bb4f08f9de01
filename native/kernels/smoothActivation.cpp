#include "smoothActivation.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "dropoutKey.h"
#include "keptSite.h"
#include "siteElements.h"
#include "tensors.h"

namespace switchyard::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

SmoothCurve curveOf(SmoothActivation kind) {
  constexpr float scale = 1.59576912F;  // 2√(2/π)
  return kind == SmoothActivation::silu ? SmoothCurve{1.0F, 0.0F} : SmoothCurve{scale, scale * 0.044715F};
}

/// The start of a range in a tensor that may be absent.
template <class T>
T* from(const at::Tensor& x, std::int64_t begin) { return x.defined() ? data<T>(x) + begin : nullptr; }

struct SmoothDropout : torch::autograd::Function<SmoothDropout> {
  /// a the activation's input, b what it is multiplied by, if anything.
  static at::Tensor forward(AutogradContext* context, const at::Tensor& a, const std::optional<at::Tensor>& b,
                            std::int64_t kind, const DropoutSite& site) {
    const auto left = a.contiguous(), right = b ? b->contiguous() : at::Tensor();
    auto y = at::empty_like(left);
    const auto key = dropoutKey(site);
    const SiteElements elements(site, left.numel(), left.size(-1));
    const auto curve = curveOf(static_cast<SmoothActivation>(kind));
    forStorage(left, [&]<class T>(T) {
      elements.inRuns(left.numel(), [&](std::int64_t begin, std::int64_t end, std::uint32_t first) {
        rows<T>().smoothDropout(data<T>(left) + begin, from<T>(right, begin), data<T>(y) + begin, end - begin, first, key, curve);
      });
    });
    context->save_for_backward({left, right});
    context->saved_data["kind"] = kind;
    keepSite(context, site);
    return y;
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &left = saved[0], &right = saved[1];
    const auto dy = gradients[0].contiguous();
    auto da = at::empty_like(left), db = right.defined() ? at::empty_like(right) : at::Tensor();
    const auto site = keptSite(context);
    const auto key = dropoutKey(site);
    const SiteElements elements(site, left.numel(), left.size(-1));
    const auto curve = curveOf(static_cast<SmoothActivation>(context->saved_data["kind"].toInt()));
    forStorage(left, [&]<class T>(T) {
      elements.inRuns(left.numel(), [&](std::int64_t begin, std::int64_t end, std::uint32_t first) {
        rows<T>().smoothDropoutBackward(data<T>(dy) + begin, data<T>(left) + begin, from<T>(right, begin), data<T>(da) + begin,
                                        from<T>(db, begin), end - begin, first, key, curve);
      });
    });
    return {da, db, {}, {}};
  }
};

at::Tensor activated(SmoothActivation kind, const at::Tensor& x) { return kind == SmoothActivation::silu ? at::silu(x) : at::gelu(x, "tanh"); }

}  // namespace

at::Tensor activationDropout(SmoothActivation kind, const at::Tensor& x, const DropoutSite& site) {
  if (applies(x)) return SmoothDropout::apply(x, std::nullopt, static_cast<std::int64_t>(kind), site);
  return dropout(activated(kind, x), site);
}

at::Tensor gatedDropout(SmoothActivation kind, const at::Tensor& gate, const at::Tensor& x, const DropoutSite& site) {
  TORCH_CHECK(gate.sizes() == x.sizes(), "The gate and what it is multiplied by must have one shape.");
  if (applies(x) && gate.scalar_type() == x.scalar_type()) return SmoothDropout::apply(gate, std::optional(x), static_cast<std::int64_t>(kind), site);
  return dropout(activated(kind, gate) * x, site);
}

}  // namespace switchyard::kernels
