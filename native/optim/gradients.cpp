#include "gradients.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "../kernels/adamW.h"

namespace switchyard {
namespace {

/// Elements that small gradients are sent together in. A gradient of so many travels by itself.
constexpr std::int64_t BUCKET = 1 << 18;

Group* groupOf(const Parameter& parameter, const Mesh& mesh) { return parameter.split.expert >= 0 ? mesh.data() : mesh.batch(); }

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
    if (!groupOf(*parameter, mesh)) continue;
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
  auto* group = groupOf(parameter, mesh);
  const auto gradient = parameter.value.grad();
  if (gradient.numel() >= BUCKET) return send(group, {{gradient}, gradient.numel()});
  auto& bucket = open[group];
  bucket.gradients.push_back(gradient);
  bucket.elements += gradient.numel();
  if (bucket.elements >= BUCKET) send(group, std::exchange(bucket, {}));
}

void GradientSums::send(Group* group, Bucket bucket) {
  if (bucket.gradients.size() == 1 && bucket.gradients[0].is_contiguous()) {
    sent.push_back({{}, group->sumLater(bucket.gradients[0], Traffic::gradients)});
    return;
  }
  std::vector<at::Tensor> parts;
  for (const auto& gradient : bucket.gradients) parts.push_back(gradient.reshape(-1));
  auto sum = group->sumLater(at::cat(parts), Traffic::gradients);
  sent.push_back({std::move(bucket.gradients), std::move(sum)});
}

void GradientSums::finish() {
  while (!awaited.empty()) {
    auto& parameter = *awaited.back();
    if (!parameter.value.grad().defined()) parameter.value.mutable_grad() = at::zeros_like(parameter.value.detach());
    take(parameter);
  }
  for (auto& [group, bucket] : open)
    if (!bucket.gradients.empty()) send(group, std::exchange(bucket, {}));
  for (auto& [gradients, pending] : sent) {
    const auto sum = pending.wait();
    std::int64_t at = 0;
    for (auto gradient : gradients) {
      gradient.copy_(sum.narrow(0, at, gradient.numel()).view_as(gradient));
      at += gradient.numel();
    }
  }
}

at::Tensor gradientNorm(const std::vector<Parameter*>& trained, Mesh* mesh) {
  // A part that several ranks hold counts once.
  std::map<std::int64_t, std::vector<at::Tensor>> byCopies;
  for (const auto* parameter : trained) byCopies[mesh ? copiesOf(parameter->split, mesh->place.shape) : 1].push_back(parameter->gradient());
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
