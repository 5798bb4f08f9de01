#include "attentionSoftmax.h"

#include <torch/csrc/autograd/custom_function.h>

#include "dropoutKey.h"
#include "keptSite.h"
#include "siteElements.h"
#include "tensors.h"

namespace switchyard::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Hides the mask from autograd, which takes no undefined tensor and needs no gradient of it.
struct Mask {
  at::Tensor tensor;
};

struct AttentionSoftmax : torch::autograd::Function<AttentionSoftmax> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const std::optional<at::Tensor>& maybeBias,
                            const Mask& additive, const DropoutSite& site) {
    const auto scores = input.contiguous();
    const auto biasInput = maybeBias.value_or(at::Tensor());
    const auto& maskInput = additive.tensor;
    const auto bias = biasInput.defined() ? biasInput.contiguous() : at::Tensor();
    const auto mask = maskInput.defined() ? maskInput.contiguous() : at::Tensor();
    const auto heads = scores.size(1), queries = scores.size(2), keys = scores.size(3);
    const auto maskQueries = mask.defined() ? mask.size(1) : 1;
    const auto key = dropoutKey(site);
    const SiteElements elements(site, scores.numel(), heads * queries * keys);
    auto p = at::empty_like(scores);
    auto dropped = site.probability == 0.0 ? p : at::empty_like(scores);
    forStorage(scores, [&]<class T>(T) {
      at::parallel_for(0, scores.numel() / keys, std::max<std::int64_t>(1, GRAIN / keys), [&](std::int64_t begin, std::int64_t end) {
        for (auto row = begin; row < end; ++row) {
          const auto sequence = row / (heads * queries), query = row % queries;
          const float* bias_ = bias.defined() ? data<float>(bias) + row % (heads * queries) * keys : nullptr;
          const float* mask_ = mask.defined() ? data<float>(mask) + (sequence * maskQueries + query % maskQueries) * keys : nullptr;
          rows<T>().attentionSoftmax(data<T>(scores) + row * keys, bias_, mask_, data<T>(p) + row * keys,
                                     data<T>(dropped) + row * keys, keys, elements(row * keys), key);
        }
      });
    });
    context->save_for_backward({p});
    keepSite(context, site);
    context->saved_data["bias"] = biasInput.defined() && biasInput.requires_grad();
    return dropped;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto p = context->get_saved_variables()[0];
    const auto dDropped = gradients[0].contiguous();
    const auto site = keptSite(context);
    const auto key = dropoutKey(site);
    const auto sequences = p.size(0), rowsEach = p.size(1) * p.size(2), keys = p.size(3);
    const SiteElements elements(site, p.numel(), rowsEach * keys);
    auto ds = at::empty_like(p);
    auto dBias = context->saved_data["bias"].toBool()
                     ? at::zeros({p.size(1), p.size(2), keys}, p.options().dtype(at::kFloat)) : at::Tensor();
    forStorage(p, [&]<class T>(T) {
      // A thread owns a (head, query) of all sequences, so the bias's gradient is summed in one order.
      at::parallel_for(0, rowsEach, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t sequence = 0; sequence < sequences; ++sequence)
          for (auto row = begin; row < end; ++row) {
            const auto at = (sequence * rowsEach + row) * keys;
            rows<T>().attentionSoftmaxBackward(data<T>(dDropped) + at, data<T>(p) + at, data<T>(ds) + at,
                                               dBias.defined() ? data<float>(dBias) + row * keys : nullptr, keys, elements(at), key);
          }
      });
    });
    return {ds, dBias, {}, {}};
  }
};

}  // namespace

at::Tensor attentionSoftmaxReference(const at::Tensor& scores, const at::Tensor& bias, const at::Tensor& mask, const DropoutSite& site) {
  auto s = scores.to(at::promote_types(scores.scalar_type(), at::kFloat));
  if (bias.defined()) s = s + bias.unsqueeze(0);
  if (mask.defined()) s = s + mask.unsqueeze(1);
  const auto masked = s.amax(-1, true).eq(-std::numeric_limits<double>::infinity());
  const auto p = s.masked_fill(masked, 0.0).softmax(-1).masked_fill(masked, 0.0);
  // A row of the site is all heads of a sequence.
  return dropout(p.flatten(1), site).view_as(p).to(scores.scalar_type());
}

at::Tensor attentionSoftmax(const at::Tensor& scores, const at::Tensor& bias, const at::Tensor& mask, const DropoutSite& site) {
  const auto isFloat = [](const at::Tensor& t) { return !t.defined() || t.scalar_type() == at::kFloat; };
  if (applies(scores) && isFloat(bias) && isFloat(mask)) 
    return AttentionSoftmax::apply(scores, bias.defined() ? std::optional(bias) : std::nullopt, Mask{mask}, site);
  return attentionSoftmaxReference(scores, bias, mask, site);
}

}  // namespace switchyard::kernels
