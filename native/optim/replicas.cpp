#include "replicas.h"

#include <ATen/ATen.h>

#include <array>
#include <utility>

namespace switchyard {
namespace {

/// Parts of small parameters, sent together: (ranks, elements), of which each rank fills its row.
void gatherTogether(Group& group, const std::vector<Parameter*>& parameters) {
  std::vector<at::Tensor> own;
  for (const auto* parameter : parameters) own.push_back(parameter->updated(parameter->value.detach()));
  const auto all = group.gather(at::cat(own), Traffic::parameters);
  std::int64_t at = 0;
  for (const auto* parameter : parameters) {
    const auto parts = parameter->value.detach().view({group.size(), -1});
    parts.copy_(all.narrow(1, at, parts.size(1)));
    at += parts.size(1);
  }
}

}  // namespace

void shareUpdates(ParameterSet& parameters, const Mesh& mesh) {
  for (auto* parameter : parameters.trained()) {
    const auto* group = mesh.replicasOf(parameter->split);
    if (group && parameter->value.numel() % group->size() == 0) parameter->share = {group->rank(), group->size()};
  }
}

void gatherUpdates(const std::vector<Parameter*>& trained, const Mesh& mesh) {
  // Of experts, and of all else: every rank's in the same order, as groups by their addresses would not be.
  struct Small {
    std::vector<Parameter*> parameters;
    std::int64_t elements = 0;
  };
  std::array<Small, 2> small;
  for (auto* parameter : trained) {
    if (parameter->share.of == 1) continue;
    auto* group = mesh.replicasOf(parameter->split);
    if (parameter->value.numel() >= BUCKET) {
      group->gatherParts(parameter->value.detach().view(-1), Traffic::parameters);
      continue;
    }
    auto& together = small[parameter->split.expert >= 0];
    together.parameters.push_back(parameter);
    if ((together.elements += parameter->value.numel()) >= BUCKET) gatherTogether(*group, std::exchange(together, {}).parameters);
  }
  for (const auto& [parameters, elements] : small)
    if (!parameters.empty()) gatherTogether(*mesh.replicasOf(parameters[0]->split), parameters);
  for (auto* parameter : trained)
    if (parameter->share.of > 1) parameter->refreshShadow();
}

}  // namespace switchyard
