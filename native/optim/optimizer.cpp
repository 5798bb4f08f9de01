#include "optimizer.h"

#include "adafactor.h"
#include "adamW.h"

namespace switchyard {

std::unique_ptr<Optimizer> makeOptimizer(const TrainingConfig& training, ParameterSet& parameters, const Mesh* mesh) {
  if (training.adafactor) return std::make_unique<Adafactor>(*training.adafactor, parameters, mesh);
  return std::make_unique<AdamW>(training.adamW.value_or(AdamWConfig{}), parameters, mesh);
}

}  // namespace switchyard
