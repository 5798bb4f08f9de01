#include "dispatch.h"

#include <torch/csrc/autograd/custom_function.h>

#include "tensors.h"

namespace switchyard::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// y[i] = Σ scale[i, j] · x[index[i, j]] over the `width` indices of i that are not negative; scale may be null for ones.
at::Tensor gather(const at::Tensor& x, const std::int64_t* index, const float* scale, std::int64_t count, std::int64_t width) {
  const auto d = x.size(1);
  auto y = at::empty({count, d}, x.options());
  forStorage(x, [&]<class T>(T) {
    at::parallel_for(0, count, std::max<std::int64_t>(1, GRAIN / d), [&](std::int64_t begin, std::int64_t end) {
      std::vector<const T*> from(static_cast<std::size_t>(width));
      std::vector<float> weight(static_cast<std::size_t>(width));
      for (auto i = begin; i < end; ++i) {
        std::size_t found = 0;
        for (auto entry = i * width; entry < (i + 1) * width; ++entry) {
          if (index[entry] < 0) continue;
          from[found] = data<T>(x) + index[entry] * d;
          weight[found++] = scale == nullptr ? 1.0F : scale[entry];
        }
        T* to = data<T>(y) + i * d;
        if (found == 0) std::fill_n(to, d, T{});
        else if (found > 1) rows<T>().weightedSum(from.data(), weight.data(), static_cast<std::int64_t>(found), to, d);
        else if (scale == nullptr) std::copy_n(from[0], d, to);
        else rows<T>().scale(from[0], weight[0], to, d);
      }
    });
  });
  return y;
}

/// [places] the entry t · K + j of `slot` that names each place, -1 for none.
std::vector<std::int64_t> entryOf(const at::Tensor& slot, std::int64_t places) {
  std::vector<std::int64_t> entries(static_cast<std::size_t>(places), -1);
  for (std::int64_t entry = 0; entry < slot.numel(); ++entry) {
    const auto place = data<std::int64_t>(slot)[entry];
    TORCH_CHECK(place < places, "Token ", entry / slot.size(1), " is sent to place ", place, " of ", places, ".");
    if (place >= 0) entries[static_cast<std::size_t>(place)] = entry;
  }
  return entries;
}

/// [places] the token in each place, -1 for none.
std::vector<std::int64_t> tokenOf(std::vector<std::int64_t> entries, std::int64_t width) {
  for (auto& entry : entries)
    if (entry >= 0) entry /= width;
  return entries;
}

struct Dispatch : torch::autograd::Function<Dispatch> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& slotInput, std::int64_t places) {
    const auto slot = slotInput.contiguous();
    context->save_for_backward({slot});
    return gather(x.contiguous(), tokenOf(entryOf(slot, places), slot.size(1)).data(), nullptr, places, 1);
  }
  static variable_list backward(AutogradContext* context, variable_list dy) {
    const auto slot = context->get_saved_variables()[0];
    return {gather(dy[0].contiguous(), data<std::int64_t>(slot), nullptr, slot.size(0), slot.size(1)), {}, {}};
  }
};

struct Combine : torch::autograd::Function<Combine> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& slotInput, const at::Tensor& gateInput) {
    const auto buffer = input.contiguous(), slot = slotInput.contiguous(), gate = gateInput.contiguous();
    context->save_for_backward({buffer, slot, gate});
    return gather(buffer, data<std::int64_t>(slot), data<float>(gate), slot.size(0), slot.size(1));
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &buffer = saved[0], &slot = saved[1], &gate = saved[2];
    const auto dy = gradients[0].contiguous();
    const auto places = buffer.size(0), d = buffer.size(1), width = slot.size(1);
    const auto entries = entryOf(slot, places);
    std::vector<float> scale(entries.size(), 0.0F);
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (entries[i] >= 0) scale[i] = data<float>(gate)[entries[i]];
    auto dBuffer = gather(dy, tokenOf(entries, width).data(), scale.data(), places, 1);
    auto dGate = at::zeros_like(gate);
    forStorage(dy, [&]<class T>(T) {
      at::parallel_for(0, slot.numel(), std::max<std::int64_t>(1, GRAIN / d), [&](std::int64_t begin, std::int64_t end) {
        for (auto entry = begin; entry < end; ++entry)
          if (const auto place = data<std::int64_t>(slot)[entry]; place >= 0)
            data<float>(dGate)[entry] = rows<T>().dot(data<T>(dy) + entry / width * d, data<T>(buffer) + place * d, d);
      });
    });
    return {dBuffer, {}, dGate};
  }
};

/// The place of each entry of `slot` [T · K]; one more behind the last for those that have none.
at::Tensor placesOf(const at::Tensor& slot, std::int64_t places) { return slot.reshape(-1).masked_fill(slot.reshape(-1).lt(0), places); }

/// [places, d] index of the token in each place, T where there is none.
at::Tensor tokensIn(const at::Tensor& place, const at::Tensor& slot, std::int64_t places, std::int64_t d) {
  const auto token = at::arange(slot.size(0), slot.options()).unsqueeze(1).expand_as(slot).reshape(-1);
  return at::full({places + 1}, slot.size(0), slot.options()).scatter(0, place, token).narrow(0, 0, places).unsqueeze(1).expand({places, d});
}

}  // namespace

at::Tensor dispatchReference(const at::Tensor& x, const at::Tensor& slot, std::int64_t places) {
  const auto token = tokensIn(placesOf(slot, places), slot, places, x.size(1));
  return at::cat({x, at::zeros({1, x.size(1)}, x.options())}).gather(0, token);
}

at::Tensor combineReference(const at::Tensor& buffer, const at::Tensor& slot, const at::Tensor& gate) {
  const auto places = buffer.size(0), d = buffer.size(1), tokens = slot.size(0);
  const auto place = placesOf(slot, places);
  const auto weight = at::zeros({places + 1}, gate.options()).scatter(0, place, gate.reshape(-1)).narrow(0, 0, places);
  const auto weighted = buffer * weight.unsqueeze(1);
  const auto sums = at::zeros({tokens + 1, d}, weighted.options()).scatter_add(0, tokensIn(place, slot, places, d), weighted);
  return sums.narrow(0, 0, tokens).to(buffer.scalar_type());
}

at::Tensor dispatch(const at::Tensor& x, const at::Tensor& slot, std::int64_t places) {
  return applies(x) ? Dispatch::apply(x, slot, places) : dispatchReference(x, slot, places);
}

at::Tensor combine(const at::Tensor& buffer, const at::Tensor& slot, const at::Tensor& gate) {
  if (applies(buffer) && gate.scalar_type() == at::kFloat) return Combine::apply(buffer, slot, gate);
  return combineReference(buffer, slot, gate);
}

}  // namespace switchyard::kernels
