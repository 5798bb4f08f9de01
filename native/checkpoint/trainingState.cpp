#include "trainingState.h"

#include <algorithm>
#include <map>

#include "../failure.h"
#include "../mesh/together.h"
#include "../mesh/wholeTensors.h"
#include "namedTensors.h"
#include "safetensors.h"

namespace switchyard {
namespace {

constexpr auto MODEL = "/model.safetensors", OPTIMIZER = "/optimizer.safetensors";

std::int64_t stepOf(const std::string& path, const SafetensorsFile& file) {
  const auto place = file.metadata.find("step");
  const auto text = place == file.metadata.end() ? "" : place->second;
  if (text.empty() || text.size() > 15 || !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
    throw Failure("The checkpoint file " + path + " does not say its step; use another checkpoint.", "", FailureKind::checkpoint);
  return std::stoll(text);
}

void fill(ParameterSet& parameters, const TensorsByName& values) {
  fillParts(partsOf(parameters), values, parameters.place);
  for (auto& parameter : parameters.all()) parameter.refreshShadow();
}

}  // namespace

std::vector<SavedFile> save(const TrainingState& state, const std::string& directory, std::int64_t step) {
  const std::map<std::string, std::string> metadata{{"format", "switchyard"}, {"step", std::to_string(step)}};
  std::vector<SavedFile> files;
  const auto write = [&](const std::string& name, const std::vector<TensorPart>& parts) {
    const auto tensors = wholeOf(parts, state.mesh);
    if (state.mesh && state.mesh->place.rank() != 0) return;
    const auto written = writeSafetensors(directory + name, tensors, metadata);
    files.push_back({name.substr(1), written.bytes, written.sha256});
  };
  write(MODEL, partsOf(state.parameters));
  write(OPTIMIZER, partsOf(state.optimizer.state(), state.mesh));
  return files;
}

std::int64_t load(const TrainingState& state, const std::string& directory) {
  const auto modelPath = directory + MODEL, optimizerPath = directory + OPTIMIZER;
  const auto moments = partsOf(state.optimizer.state(), state.mesh);
  std::int64_t step = 0;
  TensorsByName values, remembered;
  together(state.mesh, [&] {
    const auto modelFile = readSafetensors(modelPath), optimizerFile = readSafetensors(optimizerPath);
    step = stepOf(modelPath, modelFile);
    if (step != stepOf(optimizerPath, optimizerFile))
      throw Failure("The files of the checkpoint " + directory + " are of different steps; use another checkpoint.", "", FailureKind::checkpoint);
    values = byName(modelFile), remembered = byName(optimizerFile);
    expectTensors(modelPath, values, expectedOf(partsOf(state.parameters)));
    expectTensors(optimizerPath, remembered, expectedOf(moments));
  });
  fill(state.parameters, values);
  fillParts(moments, remembered, state.parameters.place);
  return step;
}

std::int64_t loadParameters(ParameterSet& parameters, const std::string& path) {
  const auto file = readSafetensors(path);
  const auto step = file.metadata.contains("step") ? stepOf(path, file) : 0;
  const auto values = byName(file);
  expectTensors(path, values, expectedOf(partsOf(parameters)));
  fill(parameters, values);
  return step;
}

}  // namespace switchyard
