// What a rank sends, and how long it spends in collectives.
#pragma once

#include <array>
#include <cstdint>

namespace switchyard {

/// What a collective is for.
enum class Traffic : std::size_t {
  gradients,    // sums of gradients over the ranks that hold a parameter
  parameters,   // updated values, where those ranks share the updates
  experts,      // all-to-all of tokens to the experts and back
  activations,  // sums of partial products along `model`
  routing,      // router logits or counts, so that places and balance are those of the whole batch
  control,      // batches and commands, losses, norms
};
constexpr std::size_t TRAFFIC_KINDS = 6;
constexpr std::array<const char*, TRAFFIC_KINDS> TRAFFIC_NAMES{"gradients", "parameters", "experts", "activations", "routing", "control"};

struct TrafficUse {
  std::int64_t calls = 0;
  /// Sent by this rank: 2·(n−1)/n of a tensor that is summed by a ring, (n−1)/n of one that is exchanged or whose parts are summed or gathered, (n−1) times a gathered part.
  double bytes = 0;
  /// In the call, which includes waiting for the slowest rank.
  double seconds = 0;
};

struct TrafficMeter {
  std::array<TrafficUse, TRAFFIC_KINDS> uses{};

  void add(Traffic kind, double bytes, double seconds) {
    auto& use = uses[static_cast<std::size_t>(kind)];
    use.calls += 1;
    use.bytes += bytes;
    use.seconds += seconds;
  }
  double seconds() const {
    double all = 0;
    for (const auto& use : uses) all += use.seconds;
    return all;
  }
};

}  // namespace switchyard
