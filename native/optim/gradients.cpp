#include "gradients.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "../kernels/adamW.h"
#include "replicas.h"

namespace switchyard {
namespace {

struct WhenGathered : torch::autograd::PostAccumulateGradHook {
  explicit WhenGathered(std::function<void()> work) : work(std::move(work)) {}
  void operator()(const torch::autograd::Variable&) override { work(); }
  std::function<void()> work;
};

void hook(const Parameter& parameter, std::unique_ptr<WhenGathered> hook) {
  torch::autograd::impl::set_post_acc_grad_hooks(parameter.value, std::move(hook));
}

}  // namespace

GradientSums::GradientSums(const std::vector<Parameter*>& trained, const Mesh& mesh) : mesh(mesh) {
  for (auto* parameter : trained) {
    if (!mesh.replicasOf(parameter->split)) continue;
    hooked.push_back(parameter);
    hook(*parameter, std::make_unique<WhenGathered>([this, parameter] { take(*parameter); }));
  }
  awaited = hooked;
}

GradientSums::~GradientSums() {
  for (const auto* parameter : hooked) hook(*parameter, nullptr);
}

void GradientSums::take(Parameter& parameter) {
  std::erase(awaited, &parameter);
  auto& gradient = parameter.value.mutable_grad();
  if (!gradient.is_contiguous()) gradient = gradient.contiguous();
  const Route route{parameter.split.expert >= 0, parameter.share.of > 1};
  if (gradient.numel() >= BUCKET) return send(route, {{gradient}, gradient.numel()});
  auto& bucket = open[route];
  bucket.gradients.push_back(gradient);
  bucket.elements += gradient.numel();
  if (bucket.elements >= BUCKET) send(route, std::exchange(bucket, {}));
}

void GradientSums::send(const Route& route, const Bucket& bucket) {
  const auto shares = route.second;
  auto* group = route.first ? mesh.data() : mesh.batch();
  const auto sumOf = [&](const at::Tensor& x) { return shares ? group->sumPartsLater(x, Traffic::gradients) : group->sumLater(x, Traffic::gradients); };
  if (bucket.gradients.size() == 1) {
    sent.push_back({{}, sumOf(bucket.gradients[0].view(-1))});
    return;
  }
  // The first rank's shares of all, then the second's.
  const auto parts = shares ? group->size() : 1;
  std::vector<at::Tensor> cut, filled;
  for (const auto& gradient : bucket.gradients) {
    cut.push_back(gradient.view({parts, -1}));
    filled.push_back(cut.back().select(0, shares ? group->rank() : 0));
  }
  sent.push_back({std::move(filled), sumOf(at::cat(cut, 1).view(-1))});
}

void GradientSums::finish() {
  while (!awaited.empty()) {
    auto& parameter = *awaited.back();
    if (!parameter.value.grad().defined()) parameter.value.mutable_grad() = at::zeros_like(parameter.value.detach());
    take(parameter);
  }
  for (auto& [route, bucket] : open)
    if (!bucket.gradients.empty()) send(route, std::exchange(bucket, {}));
  for (auto& [filled, pending] : sent) {
    const auto sum = pending.wait();
    std::int64_t at = 0;
    for (auto part : filled) {
      part.copy_(sum.narrow(0, at, part.numel()));
      at += part.numel();
    }
  }
}

at::Tensor gradientNorm(const std::vector<Parameter*>& trained, Mesh* mesh) {
  // A part that several ranks hold counts once.
  std::map<std::int64_t, std::vector<at::Tensor>> byCopies;
  for (const auto* parameter : trained) {
    const auto copies = mesh ? copiesOf(parameter->split, mesh->place.shape) / parameter->share.of : 1;
    byCopies[copies].push_back(parameter->updated(parameter->gradient()));
  }
  if (!mesh) return kernels::gradientNorm(byCopies.at(1));
  at::Tensor squares;
  for (const auto& [copies, gradients] : byCopies) {
    const auto part = kernels::gradientNorm(gradients).to(at::kDouble).square().div(static_cast<double>(copies));
    squares = squares.defined() ? squares + part : part;
  }
  if (auto* all = mesh->all()) all->sum(squares, Traffic::control);
  return squares.sqrt().to(at::kFloat);
}

}  // namespace switchyard
