#include "parts.h"

#include <algorithm>

namespace switchyard {

ModelPart partOf(const std::string& parameter) {
  const auto has = [&](const char* text) { return parameter.find(text) != std::string::npos; };
  if (has(".router.")) return ModelPart::router;
  if (has(".experts.")) return ModelPart::experts;
  if (has(".mlp.")) return ModelPart::dense;
  if (has("Attention.")) return ModelPart::attention;
  if (has("layer_norm.")) return ModelPart::norms;
  return ModelPart::embeddings;
}

bool isPrunable(const Parameter& parameter) {
  if (parameter.value.dim() < 2 || parameter.name.find("relative_attention_bias") != std::string::npos) return false;
  const auto part = partOf(parameter.name);
  return part == ModelPart::attention || part == ModelPart::dense || part == ModelPart::experts;
}

void freeze(ParameterSet& parameters, const std::vector<ModelPart>& parts) {
  for (auto& parameter : parameters.all())
    if (std::find(parts.begin(), parts.end(), partOf(parameter.name)) != parts.end()) parameter.value.requires_grad_(false);
}

}  // namespace switchyard
