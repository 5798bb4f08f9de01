// What a rank sends, and how long it spends in collectives.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

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

  /// A GPU knows the seconds of a collective when it is done: they are asked for by `settle`.
  void addLater(Traffic kind, double bytes, std::function<double()> seconds) {
    add(kind, bytes, 0.0);
    outstanding.emplace_back(kind, std::move(seconds));
  }
  /// To be called when the device has done what it was given, and before `uses` is read.
  void settle() {
    for (const auto& [kind, seconds] : outstanding) uses[static_cast<std::size_t>(kind)].seconds += seconds();
    outstanding.clear();
  }
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

 private:
  std::vector<std::pair<Traffic, std::function<double()>>> outstanding;
};

}  // namespace switchyard
