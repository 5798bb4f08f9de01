// A graph for the CPU, so that captured steps are tested where no GPU is: it records the ops that the dispatcher sees and replays them on the
// memory they had, as a CUDA graph does. What is no op (a number computed on the host, a loop over a tensor's memory) is not replayed, as there,
// and reading a number back is refused, as there. Capturing runs the ops, which a CUDA graph does not, so what they changed is put back.
#include <ATen/core/GraphImplInterface.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>
#include <torch/torch.h>

#include <cstring>
#include <map>
#include <vector>

namespace {

constexpr auto MODE = c10::DispatchKey::TESTING_ONLY_GenericMode;

std::vector<at::Tensor> tensorsOf(const c10::IValue& value) {
  if (value.isTensor()) return value.toTensor().defined() ? std::vector<at::Tensor>{value.toTensor()} : std::vector<at::Tensor>{};
  return value.isTensorList() ? value.toTensorVector() : std::vector<at::Tensor>{};
}

class RecordedGraph : public at::GraphImplInterface {
 public:
  explicit RecordedGraph(const at::GraphImplArgs&) {}

  void capture_begin(at::MempoolId_t, at::GraphCaptureMode) override {
    TORCH_CHECK(!recording, "Another graph is being captured.");
    recording = this;
    c10::impl::tls_set_dispatch_key_included(MODE, true);
  }
  void capture_end() override {
    recording = nullptr;
    c10::impl::tls_set_dispatch_key_included(MODE, false);
    for (const auto& [storage, bytes] : before) std::memcpy(storage.mutable_data(), bytes.data(), bytes.size());
    before.clear();
  }
  void replay() override {
    const at::NoGradGuard noGrad;
    for (const auto& call : calls) call.repeat();
  }
  void instantiate() override {}
  void reset() override { calls.clear(); }
  at::MempoolId_t pool() const override { return {0, 1}; }
  void enable_debug_mode() override {}
  void debug_dump(const std::string&) override {}

  static void record(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
    const auto below = keys & c10::DispatchKeySet(c10::DispatchKeySet::FULL_AFTER, MODE);
    // Made of other ops, between which autograd keeps what the backward pass reads: those are recorded.
    if (op.hasKernelForDispatchKey(c10::DispatchKey::CompositeImplicitAutograd)) return op.redispatchBoxed(below, stack);
    const c10::impl::ExcludeDispatchKeyGuard inside(MODE);
    const auto& schema = op.schema();
    TORCH_CHECK(schema.name() != "aten::_local_scalar_dense", "A number is read back to the host in a captured step.");
    Call call{op, {stack->end() - static_cast<std::ptrdiff_t>(schema.arguments().size()), stack->end()}, {}};
    for (std::size_t i = 0; i < call.inputs.size(); ++i)
      if (const auto* alias = schema.arguments()[i].alias_info(); alias && alias->isWrite())
        for (const auto& tensor : tensorsOf(call.inputs[i])) recording->keep(tensor.storage());
    op.redispatchBoxed(below, stack);
    call.outputs.assign(stack->end() - static_cast<std::ptrdiff_t>(schema.returns().size()), stack->end());
    recording->calls.push_back(std::move(call));
  }

 private:
  struct Call {
    c10::OperatorHandle op;
    std::vector<c10::IValue> inputs, outputs;

    bool sharesMemory(const at::Tensor& output) const {
      for (const auto& input : inputs)
        for (const auto& tensor : tensorsOf(input))
          if (output.is_alias_of(tensor)) return true;
      return false;
    }
    void repeat() const {
      torch::jit::Stack stack(inputs.begin(), inputs.end());
      op.callBoxed(&stack);
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        const auto made = tensorsOf(stack[stack.size() - outputs.size() + i]), places = tensorsOf(outputs[i]);
        // A view, or what was changed in place, is where it was.
        for (std::size_t j = 0; j < places.size(); ++j)
          if (!sharesMemory(places[j])) at::Tensor(places[j]).copy_(made[j]);
      }
    }
  };

  void keep(const c10::Storage& storage) {
    for (const auto& [kept, bytes] : before)
      if (kept.unsafeGetStorageImpl() == storage.unsafeGetStorageImpl()) return;
    const auto* data = static_cast<const char*>(storage.data());
    before.push_back({storage, std::vector<char>(data, data + storage.nbytes())});
  }

  static inline RecordedGraph* recording = nullptr;
  std::vector<Call> calls;
  std::vector<std::pair<c10::Storage, std::vector<char>>> before;
};

TORCH_LIBRARY_IMPL(_, TESTING_ONLY_GenericMode, library) { library.fallback(torch::CppFunction::makeFromBoxedFunction<&RecordedGraph::record>()); }

}  // namespace

namespace at {
C10_REGISTER_CLASS(GraphImplRegistry, CPU, RecordedGraph)
}
