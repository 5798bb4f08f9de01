#include "dispatch.h"

#include <torch/csrc/autograd/custom_function.h>

#include "tensors.h"

namespace switchyard::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// y[i] = index[i] < 0 ? 0 : scale[i] · x[index[i]]; scale may be null for 1.
at::Tensor gather(const at::Tensor& x, const std::int64_t* index, const float* scale, std::int64_t count) {
  const auto d = x.size(1);
  auto y = at::empty({count, d}, x.options());
  forStorage(x, [&]<class T>(T) {
    at::parallel_for(0, count, std::max<std::int64_t>(1, GRAIN / d), [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) {
        T* to = data<T>(y) + i * d;
        if (index[i] < 0) std::fill_n(to, d, T{});
        else if (scale == nullptr) std::copy_n(data<T>(x) + index[i] * d, d, to);
        else rows<T>().scale(data<T>(x) + index[i] * d, scale[i], to, d);
      }
    });
  });
  return y;
}

/// [places] the token in each place, -1 for none.
std::vector<std::int64_t> tokenOf(const at::Tensor& slot, std::int64_t places) {
  std::vector<std::int64_t> tokens(static_cast<std::size_t>(places), -1);
  for (std::int64_t token = 0; token < slot.numel(); ++token) {
    const auto place = data<std::int64_t>(slot)[token];
    TORCH_CHECK(place < places, "Token ", token, " is sent to place ", place, " of ", places, ".");
    if (place >= 0) tokens[static_cast<std::size_t>(place)] = token;
  }
  return tokens;
}

struct Dispatch : torch::autograd::Function<Dispatch> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& slotInput, std::int64_t places) {
    const auto slot = slotInput.contiguous();
    context->save_for_backward({slot});
    return gather(x.contiguous(), tokenOf(slot, places).data(), nullptr, places);
  }
  static variable_list backward(AutogradContext* context, variable_list dy) {
    const auto slot = context->get_saved_variables()[0];
    return {gather(dy[0].contiguous(), data<std::int64_t>(slot), nullptr, slot.numel()), {}, {}};
  }
};

struct Combine : torch::autograd::Function<Combine> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& slotInput, const at::Tensor& p) {
    const auto buffer = input.contiguous();
    const auto slot = slotInput.contiguous();
    const auto probability = p.contiguous();
    context->save_for_backward({buffer, slot, probability});
    return gather(buffer, data<std::int64_t>(slot), data<float>(probability), slot.numel());
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto& buffer = saved[0];
    const auto& slot = saved[1];
    const auto& probability = saved[2];
    const auto dy = gradients[0].contiguous();
    const auto places = buffer.size(0), d = buffer.size(1), tokens = slot.numel();
    const auto token = tokenOf(slot, places);
    std::vector<float> scale(token.size(), 0.0F);
    for (std::size_t i = 0; i < token.size(); ++i)
      if (token[i] >= 0) scale[i] = data<float>(probability)[token[i]];
    auto dBuffer = gather(dy, token.data(), scale.data(), places);
    auto dProbability = at::zeros({tokens}, probability.options());
    forStorage(dy, [&]<class T>(T) {
      at::parallel_for(0, tokens, std::max<std::int64_t>(1, GRAIN / d), [&](std::int64_t begin, std::int64_t end) {
        for (auto t = begin; t < end; ++t)
          if (const auto place = data<std::int64_t>(slot)[t]; place >= 0)
            data<float>(dProbability)[t] = rows<T>().dot(data<T>(dy) + t * d, data<T>(buffer) + place * d, d);
      });
    });
    return {dBuffer, {}, dProbability};
  }
};

}  // namespace

at::Tensor dispatchReference(const at::Tensor& x, const at::Tensor& slot, std::int64_t places) {
  // Dropped tokens land in one more place, which is cut off.
  const auto place = slot.masked_fill(slot.lt(0), places);
  return at::zeros({places + 1, x.size(1)}, x.options()).scatter(0, place.unsqueeze(1).expand_as(x), x).narrow(0, 0, places);
}

at::Tensor combineReference(const at::Tensor& buffer, const at::Tensor& slot, const at::Tensor& probability) {
  const auto weight = probability.masked_fill(slot.lt(0), 0.0);
  return (buffer.gather(0, slot.clamp_min(0).unsqueeze(1).expand({-1, buffer.size(1)})) * weight.unsqueeze(1)).to(buffer.scalar_type());
}

at::Tensor dispatch(const at::Tensor& x, const at::Tensor& slot, std::int64_t places) {
  return applies(x) ? Dispatch::apply(x, slot, places) : dispatchReference(x, slot, places);
}

at::Tensor combine(const at::Tensor& buffer, const at::Tensor& slot, const at::Tensor& probability) {
  if (applies(buffer) && probability.scalar_type() == at::kFloat) return Combine::apply(buffer, slot, probability);
  return combineReference(buffer, slot, probability);
}

}  // namespace switchyard::kernels
