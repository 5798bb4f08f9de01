#include "generation.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <numeric>

#include "../failure.h"
#include "sampling.h"

namespace switchyard {
Generation::Generation(const Transformer& model, const TokenConfig& tokens, GenerationRequest given)
    : model(model), tokens(tokens), request(std::move(given)),
      searching(request.settings.method == GenerationMethod::beam),
      beams(searching ? static_cast<std::size_t>(request.settings.beams) : 1) {
  const at::NoGradGuard noGrad;
  const auto sequences = std::max(request.input.size(), request.prompt.size());
  request.prompt.resize(sequences);
  read.resize(sequences);
  paths.resize(sequences);
  ended.resize(sequences, false);
  if (searching) searches.assign(sequences, BeamSearch(request.settings));
  readInputs();
}

Pass Generation::newPass() const {
  Pass pass;
  pass.type = model.computeType();
  return pass;
}

at::Tensor Generation::idsOf(const std::vector<std::int32_t>& ids) const {
  return at::tensor(ids, at::kInt).to(at::kLong).to(model.valueOptions().device()).unsqueeze(0);
}

void Generation::readInputs() {
  if (request.input.empty()) return readPrompts({}, {});
  std::vector<at::Tensor> outputs;
  std::int64_t longest = 0;
  for (std::size_t i = 0; i < request.input.size(); ++i) {
    auto pass = newPass();
    outputs.push_back(model.encode(pass, idsOf(request.input[i])).squeeze(0));
    read[i].encoder = routingOf(pass.routed);
    longest = std::max(longest, outputs.back().size(0));
  }
  const auto count = static_cast<std::int64_t>(outputs.size());
  const auto memory = at::zeros({count, longest, outputs[0].size(1)}, outputs[0].options());
  const auto valid = at::zeros({count, longest}, model.valueOptions());
  for (std::int64_t i = 0; i < count; ++i) {
    const auto& output = outputs[static_cast<std::size_t>(i)];
    memory[i].narrow(0, 0, output.size(0)).copy_(output);
    valid[i].narrow(0, 0, output.size(0)).copy_(idsOf(request.input[static_cast<std::size_t>(i)])[0].ne(tokens.padToken));
  }
  readPrompts(memory, valid);
}

void Generation::readPrompts(const at::Tensor& memory, const at::Tensor& memoryValid) {
  std::size_t longest = 0;
  for (auto& prompt : request.prompt) {
    prompt.insert(prompt.begin(), static_cast<std::int32_t>(tokens.startToken));
    longest = std::max(longest, prompt.size());
  }
  const auto count = static_cast<std::int64_t>(request.prompt.size());
  const auto places = static_cast<std::int64_t>(longest) + request.settings.maxTokens;
  auto pass = newPass();
  cache = model.makeCache(pass, count, places, memory, memoryValid);
  std::vector<at::Tensor> logits;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto& prompt = request.prompt[static_cast<std::size_t>(i)];
    auto one = cache.sequence(i, static_cast<std::int64_t>(longest - prompt.size()));
    auto alone = newPass();
    logits.push_back(model.read(alone, one, idsOf(prompt), at::ones({1, static_cast<std::int64_t>(prompt.size())}, model.valueOptions())));
    read[static_cast<std::size_t>(i)].decoder = routingOf(alone.routed);
  }
  cache.length = static_cast<std::int64_t>(longest);
  auto all = at::cat(logits);
  if (searching) {
    const auto rows = at::arange(count, at::TensorOptions().dtype(at::kLong).device(model.valueOptions().device())).repeat_interleave(static_cast<std::int64_t>(beams));
    cache = cache.select(rows);
    all = all.index_select(0, rows);
  }
  takeLogits(all);
}

void Generation::takeLogits(const at::Tensor& logits) {
  logProbabilities = at::log_softmax(logits.to(at::kFloat), 1).cpu().contiguous();
}

std::span<const float> Generation::rowsOf(std::size_t sequence, std::size_t rows) const {
  const auto vocabulary = static_cast<std::size_t>(logProbabilities.size(1));
  const std::span all(logProbabilities.const_data_ptr<float>(), static_cast<std::size_t>(logProbabilities.numel()));
  return all.subspan(sequence * rows * vocabulary, rows * vocabulary);
}

bool Generation::advance() {
  if (finished) return false;
  const at::NoGradGuard noGrad;
  const auto& settings = request.settings;
  if (logProbabilities.isnan().any().item<bool>())
    throw Failure("The model predicts NaN, so there is nothing to choose from; take an earlier checkpoint.");
  finished = true;
  std::vector<std::int64_t> rows;
  for (std::size_t i = 0; i < read.size(); ++i) {
    if (searching) {
      auto& search = searches[i];
      std::vector<std::int64_t> parents(beams);
      std::iota(parents.begin(), parents.end(), 0);
      if (!search.done()) parents = search.extend(rowsOf(i, beams));
      for (const auto parent : parents) rows.push_back(static_cast<std::int64_t>(i * beams) + parent);
      finished = finished && search.done();
    } else if (!ended[i]) {
      const auto predicted = rowsOf(i, 1);
      const auto token = settings.method == GenerationMethod::sampling ? sample(predicted, settings, paths[i].length) : mostProbable(predicted);
      paths[i] = paths[i].then(token, static_cast<double>(predicted[static_cast<std::size_t>(token)]));
      ended[i] = token == settings.endToken || paths[i].length >= settings.maxTokens;
      finished = finished && ended[i];
    }
  }
  if (finished) return false;
  if (searching) cache.reorder(at::tensor(rows, at::kLong).to(model.valueOptions().device()));
  readTokens();
  return true;
}

void Generation::readTokens() {
  // A row that has ended reads padding, which no expert is asked for.
  std::vector<PathToken*> newest;
  for (std::size_t i = 0; i < read.size(); ++i)
    for (std::size_t beam = 0; beam < beams; ++beam) {
      const bool goes = searching ? !searches[i].done() : !ended[i];
      newest.push_back(goes ? (searching ? searches[i].beams()[beam] : paths[i]).last.get() : nullptr);
    }
  std::vector<std::int32_t> ids;
  std::vector<float> valid;
  for (const auto* token : newest) {
    ids.push_back(token ? token->token : static_cast<std::int32_t>(tokens.padToken));
    valid.push_back(token ? 1.0F : 0.0F);
  }
  auto pass = newPass();
  pass.dropless = true;
  const auto logits = model.read(pass, cache, idsOf(ids).transpose(0, 1), at::tensor(valid).to(model.valueOptions()).unsqueeze(1));
  const auto sent = sentTo(pass.routed);
  for (std::size_t row = 0; row < newest.size(); ++row)
    if (newest[row])
      for (const auto& layer : sent) newest[row]->sent.push_back(layer[row]);
  takeLogits(logits);
}

std::vector<GeneratedSequence> Generation::sequences() const {
  std::vector<GeneratedSequence> all;
  for (std::size_t i = 0; i < read.size(); ++i) {
    const auto best = searching ? searches[i].best() : BeamSearch::Hypothesis{paths[i], paths[i].sum, paths[i].last && paths[i].last->token == request.settings.endToken};
    GeneratedSequence one;
    one.score = best.score;
    one.ended = best.ended;
    auto decoder = read[i].decoder;
    for (const auto& token : best.path.tokens()) {
      one.tokens.push_back(token->token);
      one.logProbabilities.push_back(token->logProbability);
      for (std::size_t layer = 0; layer < token->sent.size(); ++layer) addToken(decoder[layer], token->sent[layer]);
    }
    one.routing = read[i].encoder;
    one.routing.insert(one.routing.end(), decoder.begin(), decoder.end());
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace switchyard
