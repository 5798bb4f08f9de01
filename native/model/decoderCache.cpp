#include "decoderCache.h"

#include <ATen/ATen.h>

#include <limits>

namespace switchyard {

at::Tensor DecoderCache::mask(std::int64_t tokens) const {
  const auto keys = length + tokens;
  auto hidden = valid.narrow(1, 0, keys).eq(0.0).unsqueeze(1);  // (B, 1, K)
  if (tokens > 1) hidden = hidden.bitwise_or(at::ones({tokens, keys}, valid.options()).triu_(length + 1).gt(0.0).unsqueeze(0));
  return at::zeros(hidden.sizes(), valid.options()).masked_fill_(hidden, -std::numeric_limits<double>::infinity());
}

DecoderCache DecoderCache::sequence(std::int64_t row, std::int64_t skipped) const {
  DecoderCache one;
  one.valid = valid.narrow(0, row, 1).slice(1, skipped);
  for (const auto& [keys, values] : self) one.self.push_back({keys.narrow(0, row, 1).slice(2, skipped), values.narrow(0, row, 1).slice(2, skipped)});
  for (const auto& [keys, values] : cross) one.cross.push_back({keys.narrow(0, row, 1), values.narrow(0, row, 1)});
  if (memoryMask.defined()) one.memoryMask = memoryMask.narrow(0, row, 1);
  return one;
}

DecoderCache DecoderCache::select(const at::Tensor& rows) const {
  DecoderCache chosen;
  chosen.length = length;
  chosen.valid = valid.index_select(0, rows);
  for (const auto& [keys, values] : self) chosen.self.push_back({keys.index_select(0, rows), values.index_select(0, rows)});
  for (const auto& [keys, values] : cross) chosen.cross.push_back({keys.index_select(0, rows), values.index_select(0, rows)});
  if (memoryMask.defined()) chosen.memoryMask = memoryMask.index_select(0, rows);
  return chosen;
}

void DecoderCache::reorder(const at::Tensor& rows) {
  const auto move = [&](const at::Tensor& all, std::int64_t dimension) {
    auto used = all.narrow(dimension, 0, length);
    used.copy_(used.index_select(0, rows));
  };
  move(valid, 1);
  for (const auto& [keys, values] : self) {
    move(keys, 2);
    move(values, 2);
  }
}

}  // namespace switchyard
