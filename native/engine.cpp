#include "engine.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/DeviceGuard.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <utility>

#include "batchUpload.h"
#include "capturedSteps.h"
#include "checkpoint/trainingState.h"
#include "devices/chooseDevice.h"
#include "devices/cpu.h"
#include "devices/cpuMemory.h"
#include "devices/devices.h"
#include "failure.h"
#include "generation/generation.h"
#include "kernels/crossEntropy.h"
#include "kernels/cuda/launch.h"
#include "makeModel.h"
#include "mesh/command.h"
#include "mesh/mesh.h"
#include "mesh/rankUse.h"
#include "mesh/together.h"
#include "model/gatherRouting.h"
#include "model/parts.h"
#include "model/routerLosses.h"
#include "model/routingFacts.h"
#include "model/transformer.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "room.h"
#include "startingWeights.h"
#include "trainingStep.h"

namespace switchyard {
namespace {

Failure notEnoughMemory(const std::string& doing, const std::string& detail) {
  return Failure("The memory was not enough for " + doing + "; make the batch, the sequences or the model smaller.", detail, FailureKind::memory);
}

/// Runs work and turns libtorch's errors into sentences.
template <class Work>
auto guarded(const std::string& doing, Work work) {
  try {
    return work();
  } catch (const c10::OutOfMemoryError& error) {
    throw Failure("The GPU's memory was not enough for " + doing + "; make the batch, the sequences or the model smaller.", error.what(), FailureKind::memory);
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    if (text.find("DefaultCPUAllocator") != std::string::npos)
      throw notEnoughMemory(doing, text);
    throw Failure("The engine failed at " + doing + ".", error.what());
  } catch (const std::bad_alloc& error) {
    throw notEnoughMemory(doing, error.what());
  }
}

/// The most memory this process has held, bytes; 0 where the system does not say.
std::int64_t peakResidentBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;
  return 0;
}

/// The trained model that is learnt from; null where there is none.
std::unique_ptr<Transformer> makeTeacher(const EngineConfig& config, at::Device device) {
  if (!config.distillation) return nullptr;
  const auto& [model, file, hardShare, temperature] = *config.distillation;
  if (model.architecture != config.model.architecture) throw Failure("Teacher and student must be of the same architecture; choose another teacher.");
  std::unique_ptr<Transformer> teacher(new Transformer(makeModel(config, model, device)));
  loadExactly(file, teacher->parameters);
  for (auto& parameter : teacher->parameters.all()) parameter.value.requires_grad_(false);
  return teacher;
}

/// The device, ready for the model.
at::Device prepareDevice(const EngineConfig& config) {
  const auto place = placeOf(config);
  const auto device = chooseDevice(config.device, place.rank(), place.shape.ranks());
  if (device.is_cpu()) {
    expectRoom(config);
    keepCpuMemory();
  }
  return device;
}

std::int64_t bytesOf(const at::Tensor& tensor) { return tensor.defined() ? static_cast<std::int64_t>(tensor.nbytes()) : 0; }

}  // namespace

struct Engine::State {
  explicit State(const EngineConfig& config)
      : config(config), device(prepareDevice(config)), guard(device), mesh(connect(config, device)),
        model(makeModel(config, config.model, device)), teacher(makeTeacher(config, device)),
        optimizer(config.inference ? nullptr : makeOptimizer(config.training, frozen(model.parameters, config.training.freeze), mesh.get())) {
    if (config.inference)
      for (auto& parameter : model.parameters.all()) parameter.value.requires_grad_(false);
    else if (config.training.pruning)
      pruning.emplace(*config.training.pruning, model.parameters, mesh ? mesh->model() : nullptr);
    if (device.is_cuda() && !config.inference)
      if (const auto why = kernels::cuda::prepare(device); !why.empty()) note = "Dropout is made operation by operation here, which makes steps slower: " + why;
    if (capturesSteps()) captured.emplace(model, *optimizer, config.noLabel());
  }
  ~State() {
    if (!leads()) return;
    // Ranks that are gone need not be told.
    try { tell(*mesh, {}); } catch (const Failure&) {}
  }

  /// The CPU's own kernels are no ops of libtorch, which alone can be captured.
  bool capturesSteps() const {
    return config.training.captureSteps && !config.inference && !mesh && !pruning && !device.is_cpu() && CapturedSteps::possibleOn(device);
  }

  static std::unique_ptr<Mesh> connect(const EngineConfig& config, at::Device device) {
    if (!config.mesh || config.mesh->shape.ranks() == 1) return nullptr;
    return std::make_unique<Mesh>(placeOf(config), config.mesh->storeFile, device);
  }
  /// Whether other ranks do what this one is asked to.
  bool leads() const { return mesh && mesh->place.rank() == 0; }
  void announce(const Command& command) const {
    if (leads()) tell(*mesh, command);
  }
  void expectAlone(const std::string& doing) const {
    if (mesh) throw Failure("An engine on a mesh can't do " + doing + "; build one on a single device from a checkpoint.");
  }
  static ParameterSet& frozen(ParameterSet& parameters, const std::vector<ModelPart>& parts) {
    freeze(parameters, parts);
    if (parameters.trained().empty()) throw Failure("All parts of the model are frozen; leave at least one of them to be trained.");
    return parameters;
  }

  /// OpenMP counts threads for each calling thread by itself.
  void useThreads() const {
    static const int all = at::get_num_threads();
    const auto ranks = static_cast<int>(model.parameters.place.shape.ranks());
    const int wanted = config.training.threads > 0 ? static_cast<int>(config.training.threads) : std::max(1, all / ranks);
    if (at::get_num_threads() != wanted) at::set_num_threads(wanted);
  }

  StepResult step(const Batch& batch, bool routing);
  EvaluationResult evaluate(Command::Kind kind, const Batch& batch) const;
  void start(const std::string& modelFile, StartingWeights& weights);
  std::vector<SavedFile> save(const std::string& directory);
  void load(const std::string& directory);
  void expectTraining(const std::string& doing) const {
    if (!optimizer) throw Failure("This engine is for inference alone, so it can't do " + doing + "; build one for training.");
  }

  EngineConfig config;
  at::Device device;
  c10::OptionalDeviceGuard guard;
  /// Null on one rank.
  std::unique_ptr<Mesh> mesh;
  Transformer model;
  /// Null where nobody is learnt from.
  std::unique_ptr<Transformer> teacher;
  /// Null in an engine for inference.
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<Generation> generation;
  std::optional<Pruning> pruning;
  /// Absent where every step is made operation by operation.
  std::optional<CapturedSteps> captured;
  std::int64_t steps = 0;
  /// What the next step has to say beside its own note.
  std::string note;
};

Engine::Engine(const EngineConfig& config)
    : state(guarded("building the model", [&] { return std::make_unique<State>(config); })) {}
Engine::~Engine() {
  const bool onCpu = state->device.is_cpu();
  state.reset();
  if (onCpu) keepCpuMemory().release();
}

std::string Engine::device() const { return state->device.str(); }
std::int64_t Engine::stepsDone() const { return state->steps; }
std::int64_t Engine::parameterCount() const { return state->model.parameters.count(); }

std::vector<ParameterInfo> Engine::parameters() const {
  std::vector<ParameterInfo> all;
  for (const auto& parameter : state->model.parameters.all())
    all.push_back({parameter.name, parameter.shape, c10::multiply_integers(parameter.shape)});
  return all;
}

MemoryUse Engine::memory() const {
  MemoryUse use;
  for (const auto& parameter : state->model.parameters.all()) use.parameterBytes += bytesOf(parameter.value) + bytesOf(parameter.shadow);
  if (state->optimizer)
    for (const auto& tensor : state->optimizer->state()) use.optimizerBytes += bytesOf(tensor.tensor);
  if (state->device.is_cpu()) use.peakBytes = peakResidentBytes();
  else use.peakBytes = at::getDeviceAllocator(state->device.type())->getDeviceStats(state->device.index()).allocated_bytes[0].peak;
  return use;
}

StepResult Engine::step(const Batch& batch, bool routing) {
  state->useThreads();
  state->expectTraining("a training step");
  return guarded("step " + std::to_string(state->steps + 1), [&] { return state->step(batch, routing); });
}

StepResult Engine::State::step(const Batch& batch, bool routing) {
  const auto step = steps + 1;
  const auto [whole, targets] = uploadBatch(batch, config, device);
  const auto tokens = rowsOf(whole, model.parameters.place.batch());
  announce({Command::Kind::step, routing, batch});
  const auto began = std::chrono::steady_clock::now();
  const auto before = mesh ? mesh->meter : TrafficMeter();
  StepSettings settings;
  settings.seed = static_cast<std::uint64_t>(config.seed);
  settings.step = step;
  settings.learningRate = learningRate(config.training, step);
  settings.gradientClip = config.training.gradientClip;
  if (const auto& sparse = config.model.sparse) {
    const auto weights = routerLossWeights(*sparse, step);
    settings.auxiliaryLoss = weights.auxiliary;
    settings.zLoss = weights.z;
    settings.auxiliaryLossForm = sparse->auxiliaryLossForm;
    settings.auxiliaryLossGroup = sparse->auxiliaryLossGroup;
    settings.biasRate = sparse->biasRate;
  }
  settings.l1 = config.training.l1;
  settings.l2 = config.training.l2;
  if (pruning) settings.pruning = &*pruning;
  settings.targetTokens = targets;
  settings.mesh = mesh.get();
  settings.routing = routing;
  settings.capacityFactorGrid = config.capacityFactorGrid;
  if (config.distillation) settings.distillation = {teacher.get(), config.distillation->hardShare, config.distillation->temperature};
  const auto outcome = captured ? captured->step(tokens, settings) : trainingStep(model, *optimizer, tokens, settings, config.noLabel());

  const auto facts = outcome.facts.cpu();
  if (mesh) mesh->meter.settle();
  const double* at = facts.const_data_ptr<double>();
  StepResult result;
  result.loss = at[LOSS];
  result.totalLoss = at[TOTAL_LOSS];
  result.auxiliaryLoss = at[AUXILIARY_LOSS];
  result.zLoss = at[Z_LOSS];
  if (config.distillation) result.distillationLoss = at[DISTILLATION_LOSS];
  result.gradientNorm = at[GRADIENT_NORM];
  if (pruning) result.sparsity = at[SPARSITY];
  result.learningRate = settings.learningRate;
  result.targetTokens = targets;
  result.note = std::exchange(note, "");
  if (!outcome.note.empty()) result.note += (result.note.empty() ? "" : " ") + outcome.note;
  result.finite = std::isfinite(result.totalLoss) && std::isfinite(result.gradientNorm);
  if (result.finite) steps = step;
  result.step = steps;
  if (routing) {
    result.routing = unpackAllRoutingFacts(outcome.routed, config.capacityFactorGrid, at + STEP_FACTS);
    if (mesh) result.ranks = usesSince(*mesh, before, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  }
  return result;
}

std::vector<float> Engine::logits(const Batch& batch) {
  state->useThreads();
  state->expectAlone("logits");
  return guarded("computing logits", [&] {
    const at::NoGradGuard noGrad;
    Pass pass;
    pass.type = state->model.computeType();
    const auto logits = state->model.forward(pass, uploadReading(batch, state->config, state->device)).to(at::kFloat).cpu().contiguous();
    return std::vector<float>(logits.const_data_ptr<float>(), logits.const_data_ptr<float>() + logits.numel());
  });
}

EvaluationResult Engine::evaluate(const Batch& batch) {
  state->useThreads();
  return guarded("an evaluation", [&] { return state->evaluate(Command::Kind::evaluate, batch); });
}

EvaluationResult Engine::evaluateTeacher(const Batch& batch) {
  if (!state->teacher) throw Failure("This engine has no teacher; build one with distillation.");
  state->useThreads();
  return guarded("an evaluation of the teacher", [&] { return state->evaluate(Command::Kind::evaluateTeacher, batch); });
}

EvaluationResult Engine::State::evaluate(Command::Kind kind, const Batch& batch) const {
  const at::NoGradGuard noGrad;
  const auto [whole, targets] = uploadBatch(batch, config, device);
  const auto tokens = rowsOf(whole, model.parameters.place.batch());
  announce({kind, false, batch});
  const auto& evaluated = kind == Command::Kind::evaluate ? model : *teacher;
  Pass pass;
  pass.type = evaluated.computeType();
  pass.mesh = mesh.get();
  const auto logits = evaluated.forward(pass, tokens);
  const auto& labels = tokens.labels;
  const auto loss = kernels::crossEntropySum(logits.flatten(0, 1), labels.reshape(-1), config.noLabel()).to(at::kDouble);
  const auto counts = labels.ne(config.noLabel()), right = logits.argmax(2).eq(labels).bitwise_and_(counts);
  const auto sequences = counts.any(1), exact = right.eq(counts).all(1).bitwise_and_(sequences);
  const auto total = [](const at::Tensor& flags) { return flags.sum().to(at::kDouble); };
  const auto sums = at::stack({loss, total(right), total(sequences), total(exact)});
  if (auto* rows = pass.batch()) {
    rows->sum(sums, Traffic::control);
    const auto& sparse = (kind == Command::Kind::evaluate ? config.model : config.distillation->teacher).sparse;
    if (sparse) gatherRouting(pass.routed, sparse->auxiliaryLossGroup, rows);
  }
  const auto routing = packAllRoutingFacts(pass.routed, config.capacityFactorGrid, loss.options(), pass.batch());
  const auto facts = at::cat({sums, routing}).cpu();
  if (mesh) mesh->meter.settle();

  const double* at = facts.const_data_ptr<double>();
  EvaluationResult result;
  result.lossSum = at[0];
  result.correct = static_cast<std::int64_t>(at[1]);
  result.sequences = static_cast<std::int64_t>(at[2]);
  result.exact = static_cast<std::int64_t>(at[3]);
  result.targetTokens = targets;
  result.routing = unpackAllRoutingFacts(pass.routed, config.capacityFactorGrid, at + 4);
  return result;
}

StartingWeights Engine::start(const std::string& modelFile) {
  return guarded("taking another model's weights", [&] {
    if (state->steps > 0) throw Failure("A model takes another one's weights before its first step; this one has made " + std::to_string(state->steps) + ".");
    StartingWeights weights;
    state->start(modelFile, weights);
    return weights;
  });
}

void Engine::State::start(const std::string& modelFile, StartingWeights& weights) {
  announce({Command::Kind::start, false, {}, modelFile});
  together(mesh.get(), [&] { weights = startFrom(modelFile, model.parameters); });
}

void Engine::follow() {
  if (!state->mesh || state->mesh->place.rank() == 0) throw Failure("Only ranks behind the first one of a mesh follow it.");
  state->useThreads();
  for (;;) {
    const auto command = guarded("waiting for rank 0", [&] { return listen(*state->mesh); });
    StartingWeights weights;
    switch (command.kind) {
      case Command::Kind::end: return;
      case Command::Kind::step: step(command.batch, command.routing); break;
      case Command::Kind::evaluate: evaluate(command.batch); break;
      case Command::Kind::evaluateTeacher: evaluateTeacher(command.batch); break;
      case Command::Kind::save: guarded("saving a checkpoint", [&] { return state->save(command.path); }); break;
      // What can't be read is rank 0's to tell, and it may try another.
      case Command::Kind::start:
        try { state->start(command.path, weights); } catch (const Failure&) {}
        break;
      case Command::Kind::load:
        try { guarded("loading a checkpoint", [&] { state->load(command.path); }); } catch (const Failure&) {}
        break;
    }
  }
}

void Engine::startGeneration(const GenerationRequest& request) {
  state->useThreads();
  state->expectAlone("generation");
  state->generation.reset();
  const auto& config = state->config;
  expectFits(request, config);
  state->generation = guarded("reading the prompt", [&] {
    return std::make_unique<Generation>(state->model, TokenConfig{config.vocabularySize, config.padToken, config.startToken}, request);
  });
}

GenerationState Engine::continueGeneration(std::int64_t steps) {
  state->useThreads();
  if (!state->generation) throw Failure("No text is being generated; start with a request.");
  return guarded("generating text", [&] {
    for (std::int64_t step = 0; step < steps; ++step)
      if (!state->generation->advance()) break;
    GenerationState now{state->generation->done(), state->generation->sequences()};
    if (now.done) state->generation.reset();
    return now;
  });
}

void Engine::stopGeneration() { state->generation.reset(); }

std::vector<SavedFile> Engine::save(const std::string& directory) const {
  state->expectTraining("a checkpoint");
  return guarded("saving a checkpoint", [&] { return state->save(directory); });
}

void Engine::load(const std::string& directory) {
  guarded("loading a checkpoint", [&] { state->load(directory); });
}

std::vector<SavedFile> Engine::State::save(const std::string& directory) {
  announce({Command::Kind::save, false, {}, directory});
  return switchyard::save({model.parameters, *optimizer, mesh.get()}, directory, steps);
}

void Engine::State::load(const std::string& directory) {
  if (!optimizer) {
    steps = loadParameters(model.parameters, directory + "/model.safetensors");
    return;
  }
  announce({Command::Kind::load, false, {}, directory});
  // Graphs read the memory that there was.
  if (captured) captured.emplace(model, *optimizer, config.noLabel());
  steps = switchyard::load({model.parameters, *optimizer, mesh.get()}, directory);
}

}  // namespace switchyard
