#include "request.h"

#include <cmath>
#include <string>

#include "../config.h"
#include "../failure.h"

namespace switchyard {

void expectFits(const GenerationRequest& request, const EngineConfig& config) {
  const auto& [method, maxTokens, endToken, temperature, topK, topP, seed, beams, lengthPenalty] = request.settings;
  const auto refuse = [](const std::string& what) { throw Failure("The text can't be generated: " + what); };
  if (config.model.architecture == Architecture::vision) refuse("a vision model writes none.");
  if (config.model.encoderDecoder() == request.input.empty())
    refuse(request.input.empty() ? "an encoder-decoder needs input for its encoder." : "a decoder-only model takes a prompt, no input.");
  const auto sequences = config.model.encoderDecoder() ? request.input.size() : request.prompt.size();
  if (sequences == 0 || sequences > 256) refuse("1 to 256 sequences can be asked for at once.");
  if (!request.prompt.empty() && request.prompt.size() != sequences) refuse("input and prompt are of different numbers of sequences.");
  const auto check = [&](const std::vector<std::vector<std::int32_t>>& all, bool filled) {
    for (const auto& ids : all) {
      if (filled && ids.empty()) refuse("an input is empty.");
      if (ids.size() > 65536) refuse("an input has more than 65,536 tokens.");
      for (const auto id : ids)
        if (id < 0 || id >= config.vocabularySize) refuse("token " + std::to_string(id) + " is outside the vocabulary of " + std::to_string(config.vocabularySize) + ".");
    }
  };
  check(request.input, true);
  check(request.prompt, false);
  if (maxTokens < 1 || maxTokens > 4096) refuse("1 to 4,096 tokens can be asked for.");
  if (!(temperature > 0.0) || topK < 0 || !(topP > 0.0) || topP > 1.0) refuse("the temperature must be above 0, top-k at least 0 and top-p between 0 and 1.");
  if (beams < 1 || beams > 64 || !std::isfinite(lengthPenalty)) refuse("a beam search has 1 to 64 beams and a finite length penalty.");
}

}  // namespace switchyard
