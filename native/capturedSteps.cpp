#include "capturedSteps.h"

#include <ATen/ATen.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#if __has_include(<ATen/core/GraphImplInterface.h>)
#include <ATen/core/GraphImplInterface.h>
#else
// libtorch 2.11 has no such graphs, so none are possible.
namespace at {
struct GraphImplInterface {
  virtual ~GraphImplInterface() = default;
  void capture_begin(MempoolId_t) {}
  void capture_end() {}
  void replay() {}
  MempoolId_t pool() const { return {0, 0}; }
};
inline bool has_graph_impl(c10::DeviceType) { return false; }
inline std::unique_ptr<GraphImplInterface> create_graph_impl(c10::DeviceType) { return nullptr; }
}  // namespace at
#endif

namespace switchyard {
namespace {

/// Steps of a shape until it is captured: libraries choose their ways and take their workspaces in them.
constexpr std::int64_t FIRST_STEPS = 3;
/// Shapes beyond these are rare: their steps are made as they are.
constexpr std::int64_t MOST_GRAPHS = 8;

std::array<at::Tensor TokenBatch::*, 4> parts() { return {&TokenBatch::input, &TokenBatch::labels, &TokenBatch::decoderInput, &TokenBatch::images}; }

TokenBatch copyOf(const TokenBatch& batch) {
  TokenBatch copy;
  for (const auto part : parts())
    if ((batch.*part).defined()) copy.*part = (batch.*part).clone();
  return copy;
}

at::Tensor wordsOf(const StepSettings& settings, std::int64_t places) {
  std::vector<std::int64_t> words;
  for (std::int64_t place = 0; place < places; ++place)
    for (const auto word : kernels::dropoutWords(settings.seed, Pass::streamOf(settings.step, place))) words.push_back(word);
  return at::tensor(words, at::kLong).view({places, 2});
}

StepInputs inputsOf(const StepSettings& settings, std::int64_t dropoutPlaces, at::Device device) {
  return {numbersOf(settings).to(device), wordsOf(settings, dropoutPlaces).to(device)};
}

/// Work is captured on a stream of its own, behind all that was asked for before; the CPU has no streams.
std::optional<c10::Stream> sideStream(at::Device device) {
  if (device.is_cpu()) return std::nullopt;
  const c10::impl::VirtualGuardImpl streams(device.type());
  streams.getStream(device).synchronize();
  return streams.getStreamFromGlobalPool(device);
}

/// A graph holds memory for itself: what earlier steps left in the allocator's cache must not be held as well.
void releaseUnused(at::Device device) {
  if (!device.is_cpu()) at::getDeviceAllocator(device.type())->emptyCache();
}

}  // namespace

struct CapturedSteps::Graph {
  explicit Graph(at::Device device) : graph(at::create_graph_impl(device.type())) {}

  void fill(const TokenBatch& with, const StepSettings& settings) {
    for (const auto part : parts())
      if ((batch.*part).defined()) (batch.*part).copy_(with.*part);
    inputs.numbers.copy_(numbersOf(settings));
    inputs.dropoutWords.copy_(wordsOf(settings, inputs.dropoutWords.size(0)));
  }

  TokenBatch batch;
  StepInputs inputs;
  StepOutcome outcome;
  std::unique_ptr<at::GraphImplInterface> graph;
};

bool CapturedSteps::possibleOn(at::Device device) { return at::has_graph_impl(device.type()); }

CapturedSteps::CapturedSteps(Transformer& model, Optimizer& optimizer, std::int64_t padToken) : model(model), optimizer(optimizer), padToken(padToken) {}
CapturedSteps::~CapturedSteps() = default;

std::int64_t CapturedSteps::graphs() const {
  return std::count_if(shapes.begin(), shapes.end(), [](const auto& entry) { return entry.second.graph != nullptr; });
}

StepOutcome CapturedSteps::step(const TokenBatch& batch, const StepSettings& settings) {
  Shape shape{{}, settings.routing};
  for (const auto part : parts()) shape.first.push_back((batch.*part).defined() ? (batch.*part).sizes().vec() : std::vector<std::int64_t>());
  auto& known = shapes[shape];
  if (known.graph) {
    known.graph->fill(batch, settings);
    known.graph->graph->replay();
    return known.graph->outcome;
  }
  // But for the first, which counts the places of dropout, these steps read what a graph would: its kernels are loaded by them, which a capture must not do.
  auto eager = settings;
  StepInputs inputs;
  if (known.steps > 0 && why.empty()) {
    inputs = inputsOf(settings, known.dropoutPlaces, batch.labels.device());
    eager.inputs = &inputs;
  }
  auto outcome = trainingStep(model, optimizer, batch, eager, padToken);
  known.dropoutPlaces = outcome.dropoutPlaces;
  // Right behind a step of the shape, when the model has the tables that it reads.
  if (++known.steps == FIRST_STEPS && why.empty() && graphs() < MOST_GRAPHS) {
    known.graph = capture(batch, settings, outcome.dropoutPlaces);
    if (!known.graph) outcome.note = "Steps can't be captured as graphs here and are made operation by operation: " + why;
    else if (graphs() == 1) outcome.note = "Steps are captured as graphs from here on.";
  }
  return outcome;
}

std::unique_ptr<CapturedSteps::Graph> CapturedSteps::capture(const TokenBatch& batch, const StepSettings& settings, std::int64_t dropoutPlaces) {
  const auto device = batch.labels.device();
  const c10::DeviceGuard onDevice(device);
  const auto shared = std::find_if(shapes.begin(), shapes.end(), [](const auto& entry) { return entry.second.graph != nullptr; });
  // Graphs are replayed one at a time and their outcome read before the next, so they can share their memory.
  const auto pool = shared == shapes.end() ? at::MempoolId_t{0, 0} : shared->second.graph->graph->pool();
  auto made = std::make_unique<Graph>(device);
  try {
    made->batch = copyOf(batch);
    made->inputs = inputsOf(settings, dropoutPlaces, device);
    releaseUnused(device);
    auto replayed = settings;
    replayed.inputs = &made->inputs;
    const c10::OptionalStreamGuard onStream(sideStream(device));
    made->graph->capture_begin(pool);
    try {
      made->outcome = trainingStep(model, optimizer, made->batch, replayed, padToken);
    } catch (...) {
      // Otherwise the stream would stay in capture.
      try { made->graph->capture_end(); } catch (const c10::Error&) {}
      throw;
    }
    made->graph->capture_end();
    return made;
  } catch (const c10::Error& error) {
    why = error.what_without_backtrace();
  }
  for (auto& parameter : model.parameters.all()) parameter.value.mutable_grad().reset();
  made.reset();
  releaseUnused(device);
  return nullptr;
}

}  // namespace switchyard
