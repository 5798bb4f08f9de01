#include "room.h"

#include <cstdio>
#include <string>

#include "devices/cpu.h"
#include "failure.h"
#include "makeModel.h"

namespace switchyard {
namespace {

/// Bytes as a person reads them: "17.6 GB".
std::string sizeText(double bytes) {
  const char* units[] = {"MB", "GB", "TB", "PB"};
  std::size_t unit = 0;
  for (bytes /= 1e6; bytes >= 1000.0 && unit < 3; ++unit) bytes /= 1000.0;
  char text[32];
  std::snprintf(text, sizeof text, "%.3g %s", bytes, units[unit]);
  return text;
}

/// A weight with its bf16 copy.
double weightBytes(const ModelConfig& model) { return model.precision == Precision::fp32 ? 4.0 : 6.0; }

}  // namespace

double bytesToBuild(const EngineConfig& config) {
  const auto place = placeOf(config);
  const auto& training = config.training;
  double bytes = 0.0;
  const auto own = makeModel(config, config.model, at::kMeta);
  for (const auto& parameter : own.parameters.all()) {
    // As Mesh::replicasOf: who updates the same columns.
    const auto elements = parameter.value.numel(), replicas = parameter.split.expert >= 0 ? place.shape.data : place.batch().of;
    double each = weightBytes(config.model);
    if (!config.inference) {
      const bool shared = training.adamW && training.adamW->shareUpdates && elements % replicas == 0;
      each += 4.0 + (training.adamW ? 8.0 / static_cast<double>(shared ? replicas : 1) : 0.0);
    }
    bytes += each * static_cast<double>(elements);
  }
  if (config.distillation) {
    const auto& teacher = config.distillation->teacher;
    const auto taught = makeModel(config, teacher, at::kMeta);
    for (const auto& parameter : taught.parameters.all()) bytes += weightBytes(teacher) * static_cast<double>(parameter.value.numel());
  }
  return bytes * static_cast<double>(place.shape.ranks());
}

void expectRoom(const EngineConfig& config) {
  const double needed = bytesToBuild(config), memory = static_cast<double>(readCpu().memoryBytes);
  if (needed <= memory) return;
  const auto parameters = makeModel(config, config.model, at::kMeta).parameters.count();
  throw Failure("The memory was not enough for building the model: its " + std::to_string(parameters) +
                (config.inference ? " parameters take " : " parameters with gradients and optimizer state take ") + sizeText(needed) + " and this machine has " +
                sizeText(memory) + "; make the model smaller.", "", FailureKind::memory);
}

}  // namespace switchyard
