// A model that begins with another's weights: what is copied bit for bit, what is upcycled, what stays fresh, and what is refused.
#include <gtest/gtest.h>
#include <torch/torch.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <limits>

#include "../checkpoint/safetensors.h"
#include "../failure.h"
#include "../model/transformer.h"
#include "../startingWeights.h"

namespace {

using namespace switchyard;

ModelConfig sizes(bool sparse) {
  ModelConfig model;
  model.dModel = 16, model.dFf = 24, model.heads = 2, model.dKv = 8;
  model.encoderLayers = 2, model.decoderLayers = 2;
  if (sparse) model.sparse->experts = 4;
  else model.sparse.reset();
  return model;
}

struct Model {
  explicit Model(const ModelConfig& config, std::int64_t seed = 1, std::int64_t vocabulary = 20)
      : transformer(config, {vocabulary, 0, 0}, seed, torch::TensorOptions().dtype(torch::kFloat)) {}
  std::vector<NamedTensor> tensors() const {
    std::vector<NamedTensor> all;
    for (const auto& parameter : transformer.parameters.all()) all.push_back({parameter.name, parameter.value.detach().clone()});
    return all;
  }
  torch::Tensor operator[](const std::string& name) const {
    for (const auto& parameter : transformer.parameters.all())
      if (parameter.name == name) return parameter.value.detach();
    throw std::runtime_error(name);
  }
  Transformer transformer;
};

class StartingWeightsTest : public ::testing::Test {
 protected:
  StartingWeightsTest() : file((std::filesystem::temp_directory_path() / ("switchyard-start-" + std::to_string(getpid()) + ".safetensors")).string()) {}
  ~StartingWeightsTest() override { std::filesystem::remove(file); }
  void write(const std::vector<NamedTensor>& tensors) const { writeSafetensors(file, tensors, {}); }
  /// The sentence of the refusal, after which nothing may have changed.
  std::string refusal(Model& model) const {
    const auto before = model.tensors();
    try {
      startFrom(file, model.transformer.parameters);
    } catch (const Failure& failure) {
      for (const auto& [name, tensor] : before) EXPECT_TRUE(torch::equal(tensor, model[name])) << name;
      EXPECT_EQ(failure.kind, FailureKind::checkpoint);
      return failure.what();
    }
    return "";
  }
  std::string file;
};

bool isFeedForward(const std::string& name) { return name.find(".mlp.") != std::string::npos; }
const std::string DENSE_BLOCK = "encoder.block.0.layer.1", SPARSE_BLOCK = "encoder.block.1.layer.1", DECODER_BLOCK = "decoder.block.1.layer.2";

TEST_F(StartingWeightsTest, AreCopiedBitForBitFromTheSameModel) {
  for (const bool sparse : {false, true}) {
    Model source(sizes(sparse)), model(sizes(sparse), 2);
    write(source.tensors());
    const auto result = startFrom(file, model.transformer.parameters);
    for (const auto& [name, tensor] : source.tensors()) EXPECT_TRUE(torch::equal(tensor, model[name])) << name;
    EXPECT_EQ(result.copied, model.transformer.parameters.count());
    EXPECT_EQ(result.upcycled + result.fresh, 0);
    // The rounded copies that matrix products read follow.
    for (const auto& parameter : model.transformer.parameters.all()) EXPECT_TRUE(torch::equal(parameter.shadow, parameter.value.detach().to(torch::kBFloat16)));
  }
}

TEST_F(StartingWeightsTest, MakeEachExpertACopyOfTheDenseLayer) {
  Model source(sizes(false)), model(sizes(true), 2), untouched(sizes(true), 2);
  write(source.tensors());
  const auto result = startFrom(file, model.transformer.parameters);
  std::int64_t upcycled = 0, fresh = 0;
  for (const auto& block : {SPARSE_BLOCK, DECODER_BLOCK}) {
    for (const std::string matrix : {"wi", "wo"}) {
      const auto dense = source[block + ".mlp." + matrix + ".weight"], experts = model[block + ".mlp.experts." + matrix];
      ASSERT_EQ(experts.size(0), 4);
      // An expert multiplies from the other side.
      for (std::int64_t e = 0; e < 4; e++) EXPECT_TRUE(torch::equal(experts[e], dense.t()));
      upcycled += experts.numel();
    }
    const auto router = block + ".mlp.router.classifier.weight";
    EXPECT_TRUE(torch::equal(model[router], untouched[router]));
    fresh += model[router].numel();
  }
  for (const auto& [name, tensor] : source.tensors())
    if (!isFeedForward(name) || name.starts_with(DENSE_BLOCK)) {
      EXPECT_TRUE(torch::equal(tensor, model[name])) << name;
    }
  EXPECT_EQ(result.upcycled, upcycled);
  EXPECT_EQ(result.fresh, fresh);
  EXPECT_EQ(result.copied + result.upcycled + result.fresh, model.transformer.parameters.count());
}

/// With one expert the router's probability is 1, so the upcycled layer is the dense layer itself.
TEST_F(StartingWeightsTest, UpcycledToOneExpertComputeTheSame) {
  auto single = sizes(true);
  single.sparse->experts = 1;
  single.precision = Precision::fp32;
  auto plain = sizes(false);
  plain.precision = Precision::fp32;
  Model source(plain), model(single, 2);
  write(source.tensors());
  startFrom(file, model.transformer.parameters);
  const TokenBatch batch{torch::randint(1, 20, {3, 7}), torch::randint(1, 20, {3, 5}), {}, {}};
  Pass one, two;
  const auto expected = source.transformer.forward(one, batch), got = model.transformer.forward(two, batch);
  EXPECT_LT((expected - got).abs().max().item<double>(), 1e-5);
  EXPECT_GT(expected.abs().max().item<double>(), 1e-3);
}

TEST_F(StartingWeightsTest, UpcycleBothInputMatricesOfAGatedLayer) {
  auto gated = sizes(false), experts = sizes(true);
  gated.feedForward = experts.feedForward = Activation::gatedGelu;
  Model source(gated), model(experts, 2);
  write(source.tensors());
  startFrom(file, model.transformer.parameters);
  for (const std::string matrix : {"wi_0", "wi_1", "wo"})
    EXPECT_TRUE(torch::equal(model[SPARSE_BLOCK + ".mlp.experts." + matrix][3], source[SPARSE_BLOCK + ".mlp." + matrix + ".weight"].t())) << matrix;
}

TEST_F(StartingWeightsTest, OfADenseModelFromASparseOneLeaveItsFeedForwardFresh) {
  Model source(sizes(true)), model(sizes(false), 2), untouched(sizes(false), 2);
  write(source.tensors());
  const auto result = startFrom(file, model.transformer.parameters);
  std::int64_t fresh = 0;
  for (const auto& [name, tensor] : model.tensors()) {
    const bool formerlySparse = name.starts_with(SPARSE_BLOCK + ".mlp") || name.starts_with(DECODER_BLOCK + ".mlp");
    EXPECT_TRUE(torch::equal(tensor, (formerlySparse ? untouched : source)[name])) << name;
    if (formerlySparse) fresh += tensor.numel();
  }
  EXPECT_EQ(result.fresh, fresh);
  EXPECT_EQ(result.upcycled, 0);
  EXPECT_EQ(result.copied, model.transformer.parameters.count() - fresh);
}

TEST_F(StartingWeightsTest, MayBeOfAnotherPrecision) {
  Model source(sizes(false)), model(sizes(false), 2);
  auto tensors = source.tensors();
  for (auto& [name, tensor] : tensors) tensor = tensor.to(torch::kBFloat16);
  write(tensors);
  startFrom(file, model.transformer.parameters);
  for (const auto& [name, tensor] : tensors) EXPECT_TRUE(torch::equal(tensor.to(torch::kFloat), model[name])) << name;
}

TEST_F(StartingWeightsTest, ThatDoNotFitAreRefusedNamingTheFirstAndBothShapes) {
  Model model(sizes(true), 2);
  write(Model(sizes(true), 1, 30).tensors());
  EXPECT_EQ(refusal(model), "The weight shared.weight of the model " + file + " has shape [30, 16], which does not fit shape [20, 16] here; choose a model of the same sizes and vocabulary.");
  auto more = sizes(true);
  more.sparse->experts = 8;
  write(Model(more).tensors());
  EXPECT_NE(refusal(model).find("encoder.block.1.layer.1.mlp.router.classifier.weight"), std::string::npos);
  auto wider = sizes(false);
  wider.dFf = 32;
  write(Model(wider).tensors());
  EXPECT_NE(refusal(model).find("encoder.block.0.layer.1.mlp.wi.weight of the model " + file + " has shape [32, 16], which does not fit shape [24, 16]"), std::string::npos);
  auto everywhere = sizes(true);
  everywhere.sparse->every = 1;
  Model sparser(everywhere, 2);
  write(Model(wider).tensors());
  EXPECT_NE(refusal(sparser).find("encoder.block.0.layer.1.mlp.wi.weight of the model " + file + " has shape [32, 16], which does not fit shape [4, 16, 24] here"), std::string::npos);
}

TEST_F(StartingWeightsTest, OfMoreOrFewerBlocksAreRefused) {
  Model model(sizes(true), 2);
  auto deeper = sizes(true);
  deeper.decoderLayers = 3;
  write(Model(deeper).tensors());
  EXPECT_NE(refusal(model).find("has the weight decoder.block.2.layer.0"), std::string::npos);
  Model deep(deeper, 2);
  write(Model(sizes(true)).tensors());
  EXPECT_NE(refusal(deep).find("has no weight decoder.block.2.layer.0.layer_norm.weight, of shape [16] here"), std::string::npos);
  auto untied = sizes(true);
  untied.tiedEmbeddings = false;
  write(Model(untied).tensors());
  EXPECT_NE(refusal(model).find("has the weight lm_head.weight of shape [20, 16]"), std::string::npos);
}

TEST_F(StartingWeightsTest, ThatAreNotFiniteAreRefused) {
  Model source(sizes(false)), model(sizes(true), 2);
  for (const double value : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    auto tensors = source.tensors();
    for (auto& [name, tensor] : tensors)
      if (name == SPARSE_BLOCK + ".mlp.wo.weight") tensor[3][5] = value;
    write(tensors);
    EXPECT_EQ(refusal(model), "The weight " + SPARSE_BLOCK + ".mlp.wo.weight of " + file + " holds values that are not finite numbers; use another model or checkpoint.");
  }
}

}  // namespace
