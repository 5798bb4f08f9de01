// Routing written out token by token and choice by choice, in double precision: what the vectorised router is held against.
#pragma once

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "../model/routerSettings.h"

namespace switchyard::testing {

using Numbers = std::vector<double>;

struct SlowRouting {
  /// For each token the rows of the buffer that it takes, with the gate of each.
  std::vector<std::map<std::int64_t, double>> places;
  std::vector<Numbers> load, kept;  // [group][expert]
  double tokens = 0, dropped = 0, entropy = 0, confidence = 0;
};

struct SlowInput {
  std::vector<Numbers> logits;
  std::vector<bool> valid;
  /// Random numbers of each (token, expert) and of each (token, later choice), where the method draws any.
  std::vector<Numbers> sampling, sending;
  Numbers bias;
  /// The expert of each token's hash, where tokens are hashed.
  std::vector<std::int64_t> hashed;
};

struct SlowRequest {
  std::size_t token;
  std::int64_t expert;
  std::size_t turn;
  double probability, gate;
};

inline std::vector<Numbers> rowsOf(const torch::Tensor& x) {
  std::vector<Numbers> rows;
  const auto values = x.to(torch::kDouble).contiguous();
  for (std::int64_t i = 0; i < values.size(0); i++)
    rows.emplace_back(values.const_data_ptr<double>() + i * values.size(1), values.const_data_ptr<double>() + (i + 1) * values.size(1));
  return rows;
}

inline Numbers slowSoftmax(const Numbers& logits) {
  Numbers p;
  double sum = 0;
  for (const double l : logits) sum += std::exp(l);
  for (const double l : logits) p.push_back(std::exp(l) / sum);
  return p;
}

/// Experts from the highest score down, the first of equals first.
inline std::vector<std::int64_t> slowRanking(const Numbers& scores) {
  std::vector<std::int64_t> order(scores.size());
  for (std::size_t e = 0; e < order.size(); e++) order[e] = static_cast<std::int64_t>(e);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return scores[a] > scores[b]; });
  return order;
}

/// Megatron-LM's sinkhorn over the valid tokens of a group, a fixed number of rounds.
inline std::vector<Numbers> slowSinkhorn(const std::vector<Numbers>& logits, std::size_t groupTokens) {
  const auto tokens = logits.size(), experts = logits[0].size();
  Numbers rows(tokens, 1.0), columns(experts, 1.0);
  for (int round = 0; round < 20; round++) {
    for (std::size_t t = 0; t < tokens; t++) {
      double sum = 0;
      for (std::size_t e = 0; e < experts; e++) sum += columns[e] * std::exp(logits[t][e]);
      rows[t] = 1.0 / static_cast<double>(groupTokens) / sum;
    }
    for (std::size_t e = 0; e < experts; e++) {
      double sum = 0;
      for (std::size_t t = 0; t < tokens; t++) sum += rows[t] * std::exp(logits[t][e]);
      columns[e] = 1.0 / static_cast<double>(experts) / sum;
    }
  }
  auto balanced = logits;
  for (std::size_t t = 0; t < tokens; t++)
    for (std::size_t e = 0; e < experts; e++) balanced[t][e] = rows[t] * columns[e] * std::exp(logits[t][e]);
  return balanced;
}

/// One group: tokens `begin` to `end` of the input into places that begin at row e · stride + offset.
class SlowGroup {
 public:
  SlowGroup(const SlowInput& input, const RouterSettings& settings, std::size_t begin, std::size_t end) : in(input), settings(settings), spec(settings.sparse) {
    for (auto t = begin; t < end; t++)
      if (in.valid[t]) members.push_back(t), p[t] = spec.routing == RoutingKind::hash ? hashProbability(t) : slowSoftmax(in.logits[t]);
    rank(end - begin);
  }

  void route(SlowRouting& out, std::int64_t stride, std::int64_t offset) {
    load.assign(spec.experts, 0.0);
    kept.assign(spec.experts, 0.0);
    const auto place = [&](std::size_t token, std::int64_t expert, double gate) {
      if (kept[expert] >= static_cast<double>(settings.capacity)) return false;
      out.places[token][expert * stride + offset + static_cast<std::int64_t>(kept[expert]++)] = gate;
      return true;
    };
    if (spec.routing == RoutingKind::expertChoice) byExperts(place);
    else if (spec.overflow == Overflow::nextChoice) inStages(place);
    else byRequests(place);
    for (const auto t : members) {
      out.tokens += 1;
      out.dropped += out.places[t].empty() ? 1 : 0;
      out.confidence += p[t][spec.routing == RoutingKind::expertChoice ? slowRanking(p[t])[0] : ranking[t][0]];
      for (const double q : p[t]) out.entropy -= q > 0 ? q * std::log(q) : 0;
    }
    out.load.push_back(load);
    out.kept.push_back(kept);
  }

 private:
  Numbers hashProbability(std::size_t t) const {
    Numbers one(spec.experts, 0.0);
    one[in.hashed[t]] = 1.0;
    return one;
  }

  void rank(std::size_t groupTokens) {
    std::vector<Numbers> logits;
    for (const auto t : members)
      if (spec.routing != RoutingKind::hash) logits.push_back(in.logits[t]);
    const bool sinkhorned = settings.training && spec.balancing == Balancing::sinkhorn && !logits.empty();
    const auto balanced = sinkhorned ? slowSinkhorn(logits, groupTokens) : logits;
    for (std::size_t i = 0; i < members.size(); i++) {
      const auto t = members[i];
      auto scores = p[t];
      if (sinkhorned) scores = balanced[i];
      for (std::size_t e = 0; e < scores.size(); e++) {
        if (settings.training && spec.exploration == Exploration::sampling) scores[e] = in.logits[t][e] - std::log(-std::log(in.sampling[t][e]));
        if (!in.bias.empty()) scores[e] += in.bias[e];
      }
      ranking[t] = slowRanking(scores);
    }
  }

  template <class Place>
  void byExperts(Place place) {
    for (std::int64_t e = 0; e < spec.experts; e++) {
      auto order = members;
      std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return p[a][e] > p[b][e]; });
      for (const auto t : order) load[e] += place(t, e, p[t][e]) ? 1 : 0;
    }
  }

  template <class Place>
  void inStages(Place place) {
    auto waiting = members;
    for (std::int64_t stage = 0; stage < spec.stages; stage++) {
      if (spec.priority == Priority::probability)
        std::stable_sort(waiting.begin(), waiting.end(), [&](auto a, auto b) { return p[a][ranking[a][stage]] > p[b][ranking[b][stage]]; });
      std::vector<std::size_t> left;
      for (const auto t : waiting) {
        const auto e = ranking[t][stage];
        if (stage == 0) load[e] += 1;
        if (!place(t, e, p[t][e])) left.push_back(t);
      }
      std::sort(left.begin(), left.end());
      waiting = left;
    }
  }

  std::vector<SlowRequest> requests() const {
    std::vector<SlowRequest> all;
    const auto k = spec.routing == RoutingKind::topK ? static_cast<std::size_t>(spec.choices) : 1;
    for (std::size_t turn = 0; turn < k; turn++)
      for (const auto t : members) {
        double sum = 0, before = 0;
        for (std::size_t j = 0; j < k; j++) sum += p.at(t)[ranking.at(t)[j]];
        for (std::size_t j = 0; j < turn; j++) before += p.at(t)[ranking.at(t)[j]];
        const auto expert = ranking.at(t)[turn];
        const double probability = p.at(t)[expert], gate = k > 1 && spec.normalizeGates ? probability / sum : probability;
        if (turn > 0 && spec.laterChoices == LaterChoices::none) continue;
        if (turn > 0 && spec.laterChoices == LaterChoices::random && settings.training && in.sending[t][turn - 1] >= std::min(1.0, 2 * gate)) continue;
        if (turn > 0 && spec.probabilityThreshold && before >= *spec.probabilityThreshold) continue;
        all.push_back({t, expert, turn, probability, gate});
      }
    return all;
  }

  template <class Place>
  void byRequests(Place place) {
    auto all = requests();
    const bool together = spec.routing == RoutingKind::topK && spec.budget && spec.choices > 1 && spec.laterChoices != LaterChoices::none;
    std::stable_sort(all.begin(), all.end(), [&](const SlowRequest& a, const SlowRequest& b) {
      if (together) return a.probability > b.probability;
      if (a.turn != b.turn) return a.turn < b.turn;
      return spec.priority == Priority::probability && a.probability > b.probability;
    });
    for (const auto& request : all) {
      load[request.expert] += 1;
      place(request.token, request.expert, request.gate);
    }
  }

  const SlowInput& in;
  const RouterSettings& settings;
  const SparseConfig& spec;
  std::vector<std::size_t> members;
  std::map<std::size_t, Numbers> p;
  std::map<std::size_t, std::vector<std::int64_t>> ranking;
  Numbers load, kept;
};

inline SlowRouting routeSlowly(const SlowInput& input, const RouterSettings& settings) {
  SlowRouting out;
  out.places.resize(input.valid.size());
  const auto groupTokens = input.valid.size() / static_cast<std::size_t>(settings.groups);
  for (std::int64_t g = 0; g < settings.groups; g++) {
    const auto begin = static_cast<std::size_t>(g) * groupTokens;
    SlowGroup(input, settings, begin, begin + groupTokens).route(out, settings.groups * settings.capacity, g * settings.capacity);
  }
  return out;
}

/// Every way to route that the spec can ask for, by name.
inline std::vector<std::pair<std::string, SparseConfig>> routings(std::int64_t experts) {
  std::vector<std::pair<std::string, SparseConfig>> all;
  const auto add = [&](const std::string& name, const std::function<void(SparseConfig&)>& change) {
    SparseConfig sparse;
    sparse.experts = experts;
    sparse.every = 1;
    sparse.expertDropout = 0.0;
    sparse.choices = std::min<std::int64_t>(2, experts);
    sparse.stages = std::min<std::int64_t>(3, experts);
    change(sparse);
    all.emplace_back(name, sparse);
  };
  add("switch", [](auto&) {});
  add("switch, batch priority", [](auto& s) { s.priority = Priority::probability; });
  add("switch, dropless", [](auto& s) { s.overflow = Overflow::dropless; });
  add("switch, fixed capacity", [](auto& s) { s.fixedCapacity = 2; });
  add("next choice", [](auto& s) { s.overflow = Overflow::nextChoice; });
  add("next choice, batch priority", [](auto& s) { s.overflow = Overflow::nextChoice, s.priority = Priority::probability; });
  add("top-1 by top-k", [](auto& s) { s.routing = RoutingKind::topK, s.choices = 1; });
  add("top-2", [](auto& s) { s.routing = RoutingKind::topK; });
  add("top-2, gates as they are", [](auto& s) { s.routing = RoutingKind::topK, s.normalizeGates = false; });
  add("top-2, second at random", [](auto& s) { s.routing = RoutingKind::topK, s.laterChoices = LaterChoices::random; });
  add("top-2, second never", [](auto& s) { s.routing = RoutingKind::topK, s.laterChoices = LaterChoices::none; });
  add("top-2, dropless", [](auto& s) { s.routing = RoutingKind::topK, s.overflow = Overflow::dropless; });
  add("top-k, batch priority", [&](auto& s) { s.routing = RoutingKind::topK, s.choices = std::min<std::int64_t>(3, experts), s.priority = Priority::probability; });
  add("threshold and budget", [&](auto& s) { s.routing = RoutingKind::topK, s.choices = std::min<std::int64_t>(4, experts), s.probabilityThreshold = 0.6, s.budget = 1.5; });
  add("expert choice", [](auto& s) { s.routing = RoutingKind::expertChoice, s.balancing = Balancing::none; });
  add("hash", [](auto& s) { s.routing = RoutingKind::hash; });
  add("sampling", [](auto& s) { s.exploration = Exploration::sampling; });
  add("sampling, top-2", [](auto& s) { s.exploration = Exploration::sampling, s.routing = RoutingKind::topK; });
  add("jitter", [](auto& s) { s.exploration = Exploration::jitter, s.jitter = 0.1; });
  add("input dropout", [](auto& s) { s.exploration = Exploration::inputDropout; });
  add("sinkhorn", [](auto& s) { s.balancing = Balancing::sinkhorn; });
  add("bias", [](auto& s) { s.balancing = Balancing::bias, s.biasRate = 0.05; });
  add("bias, top-2", [](auto& s) { s.balancing = Balancing::bias, s.routing = RoutingKind::topK; });
  add("losses of Hugging Face", [](auto& s) { s.auxiliaryLossForm = AuxiliaryLossForm::huggingFace, s.routePadding = true, s.auxiliaryLossGroup = AuxiliaryLossGroup::sequence; });
  return all;
}

}  // namespace switchyard::testing
