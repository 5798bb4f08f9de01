#include "rankUse.h"

#include <ATen/ATen.h>

namespace switchyard {

std::vector<RankUse> usesSince(const Mesh& mesh, const TrafficMeter& before, double seconds) {
  std::vector<double> own{seconds};
  for (std::size_t kind = 0; kind < TRAFFIC_KINDS; ++kind) {
    const auto &now = mesh.meter.uses[kind], &then = before.uses[kind];
    for (const double figure : {static_cast<double>(now.calls - then.calls), now.bytes - then.bytes, now.seconds - then.seconds}) own.push_back(figure);
  }
  const auto all = mesh.all()->gather(at::tensor(own, at::kDouble), Traffic::control);
  std::vector<RankUse> ranks;
  for (std::int64_t rank = 0; rank < all.size(0); ++rank) {
    const double* figure = all.const_data_ptr<double>() + rank * all.size(1);
    RankUse use{*figure++, {}};
    for (auto& kind : use.traffic) {
      kind.calls = static_cast<std::int64_t>(*figure++);
      kind.bytes = *figure++;
      kind.seconds = *figure++;
    }
    ranks.push_back(use);
  }
  return ranks;
}

}  // namespace switchyard
