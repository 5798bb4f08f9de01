#include "gradients.h"

#include <ATen/ATen.h>

#include <map>

#include "../kernels/adamW.h"

namespace switchyard {
namespace {

/// Elements that small gradients are sent together in. A gradient of so many travels by itself, where it lies.
constexpr std::int64_t BUCKET = 1 << 18;

struct Bucket {
  Group* group;
  std::vector<at::Tensor> gradients;
  std::int64_t elements = 0;
};

std::vector<Bucket> bucketsOf(const std::vector<Parameter*>& trained, const Mesh& mesh) {
  std::vector<Bucket> buckets;
  std::map<Group*, std::size_t> open;
  // The last layers' gradients are there first.
  for (auto i = trained.rbegin(); i != trained.rend(); ++i) {
    auto* group = (*i)->split.expert >= 0 ? mesh.data() : mesh.batch();
    if (!group) continue;
    const auto gradient = (*i)->gradient();
    if (!(*i)->value.grad().defined()) (*i)->value.mutable_grad() = gradient;
    if (gradient.numel() >= BUCKET) {
      buckets.push_back({group, {gradient}, gradient.numel()});
      continue;
    }
    const auto place = open.find(group);
    if (place == open.end() || buckets[place->second].elements + gradient.numel() > BUCKET) {
      open[group] = buckets.size();
      buckets.push_back({group, {}, 0});
    }
    auto& bucket = buckets[open[group]];
    bucket.gradients.push_back(gradient);
    bucket.elements += gradient.numel();
  }
  return buckets;
}

at::Tensor flat(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> all;
  for (const auto& tensor : tensors) all.push_back(tensor.reshape(-1));
  return at::cat(all);
}

}  // namespace

void sumGradients(const std::vector<Parameter*>& trained, const Mesh& mesh) {
  const auto buckets = bucketsOf(trained, mesh);
  std::vector<Group::Pending> sums;
  const auto inPlace = [](const Bucket& bucket) { return bucket.gradients.size() == 1 && bucket.gradients[0].is_contiguous(); };
  for (const auto& bucket : buckets) sums.push_back(bucket.group->sumLater(inPlace(bucket) ? bucket.gradients[0] : flat(bucket.gradients), Traffic::gradients));
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const auto sum = sums[i].wait();
    if (inPlace(buckets[i])) continue;
    std::int64_t at = 0;
    for (auto gradient : buckets[i].gradients) {
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
