#include "sentTo.h"

#include <ATen/ATen.h>

#include <limits>

namespace switchyard {

std::vector<std::vector<Sent>> sentTo(const std::vector<RoutedLayer>& routed) {
  if (routed.empty()) return {};
  constexpr std::int64_t NONE = std::numeric_limits<std::int32_t>::min();
  std::vector<at::Tensor> layers;
  for (const auto& layer : routed) {
    const auto& asked = layer.routing.expert;
    layers.push_back(at::where(layer.routing.slot.ge(0), asked, -1 - asked).masked_fill(asked.lt(0), NONE));
  }
  const auto host = at::stack(layers).to(at::kInt).cpu();  // (layers, T, S)
  std::vector<std::vector<Sent>> sent(routed.size());
  const auto* next = host.const_data_ptr<std::int32_t>();
  for (auto& tokens : sent)
    for (std::int64_t token = 0; token < host.size(1); ++token) {
      tokens.emplace_back();
      for (std::int64_t slot = 0; slot < host.size(2); ++slot, ++next)
        if (*next != NONE) tokens.back().push_back(*next);
    }
  return sent;
}

void addToken(TokenRouting& layer, const Sent& sent) {
  std::vector<std::int32_t> chosen;
  bool kept = false;
  for (const auto expert : sent) {
    chosen.push_back(expert >= 0 ? expert : -1 - expert);
    kept = kept || expert >= 0;
  }
  if (!kept) layer.dropped.push_back(static_cast<std::int64_t>(layer.chosen.size()));
  layer.chosen.push_back(std::move(chosen));
}

std::vector<TokenRouting> routingOf(const std::vector<RoutedLayer>& routed) {
  const auto sent = sentTo(routed);
  std::vector<TokenRouting> layers;
  for (std::size_t i = 0; i < routed.size(); ++i) {
    layers.push_back({routed[i].encoder, routed[i].layer, routed[i].experts, {}, {}});
    for (const auto& token : sent[i]) addToken(layers.back(), token);
  }
  return layers;
}

}  // namespace switchyard
