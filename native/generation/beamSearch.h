// Beam search over one sequence, by the definitions of transformers' generate with early_stopping: a hypothesis scores
// Σ log p / length^lengthPenalty, its end token counted, and the search ends with as many ended hypotheses as beams.
#pragma once

#include <span>
#include <vector>

#include "path.h"
#include "request.h"

namespace switchyard {

class BeamSearch {
 public:
  BeamSearch(const GenerationSettings& settings);

  /// One token more for every beam. logProbabilities [beams][V] of what follows each beam. Gives, for each beam as it is now, the
  /// beam that it was made from.
  std::vector<std::int64_t> extend(std::span<const float> logProbabilities);
  bool done() const { return finished; }
  /// Live beams, the most probable first; always `beams` of them.
  const std::vector<Path>& beams() const { return live; }
  /// The hypothesis with the highest score, and whether it has come to the end token; live beams count when none has ended, or
  /// when the limit has ended the search.
  struct Hypothesis {
    Path path;
    double score = 0.0;
    bool ended = false;
  };
  Hypothesis best() const;

 private:
  double score(const Path& path) const;

  GenerationSettings settings;
  std::vector<Path> live;
  std::vector<Hypothesis> hypotheses;
  bool finished = false, begun = false;
};

}  // namespace switchyard
