#include "beamSearch.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace switchyard {

BeamSearch::BeamSearch(const GenerationSettings& settings) : settings(settings), live(static_cast<std::size_t>(settings.beams)) {}

double BeamSearch::score(const Path& path) const {
  return path.sum / std::pow(static_cast<double>(std::max<std::int64_t>(1, path.length)), settings.lengthPenalty);
}

std::vector<std::int64_t> BeamSearch::extend(std::span<const float> logProbabilities) {
  const auto count = live.size(), vocabulary = logProbabilities.size() / count;
  // At first all beams are the same text: one of them stands for all.
  const auto from = begun ? count : 1;
  begun = true;

  // Twice as many as beams: should all of the first half end, the beams are still filled.
  std::vector<std::size_t> order(from * vocabulary);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto sum = [&](std::size_t i) { return live[i / vocabulary].sum + static_cast<double>(logProbabilities[i]); };
  const auto candidates = std::min(order.size(), 2 * count);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(candidates), order.end(),
                    [&](std::size_t a, std::size_t b) { return sum(a) != sum(b) ? sum(a) > sum(b) : a < b; });

  std::vector<Path> next;
  std::vector<std::int64_t> parents;
  for (std::size_t rank = 0; rank < candidates && next.size() < count; ++rank) {
    const auto parent = order[rank] / vocabulary;
    const auto token = static_cast<std::int32_t>(order[rank] % vocabulary);
    const auto path = live[parent].then(token, static_cast<double>(logProbabilities[order[rank]]));
    if (token == settings.endToken) {
      if (rank < count) hypotheses.push_back({path, score(path), true});
    } else {
      next.push_back(path);
      parents.push_back(static_cast<std::int64_t>(parent));
    }
  }
  // Fewer candidates than beams, which a tiny vocabulary has at first: the places go to texts that nothing ever prefers.
  while (next.size() < count) {
    next.push_back(live[0].then(settings.endToken, -std::numeric_limits<double>::infinity()));
    parents.push_back(0);
  }
  live = std::move(next);
  const bool atLimit = live[0].length >= settings.maxTokens;
  if (atLimit && hypotheses.size() < count)
    for (const auto& path : live) hypotheses.push_back({path, score(path), false});
  finished = atLimit || hypotheses.size() >= count;
  return parents;
}

BeamSearch::Hypothesis BeamSearch::best() const {
  const auto better = [](const Hypothesis& a, const Hypothesis& b) { return a.score < b.score; };
  if (finished && !hypotheses.empty()) return *std::max_element(hypotheses.begin(), hypotheses.end(), better);
  return {live[0], score(live[0]), false};
}

}  // namespace switchyard
