#include "attention.h"

#include <torch/csrc/autograd/custom_function.h>

#include "attentionSoftmax.h"
#include "dropoutKey.h"
#include "floatProduct.h"
#include "keptSite.h"
#include "product.h"
#include "siteElements.h"
#include "tensors.h"

namespace switchyard::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Sequences are cut into at most so many parts, each with its own sum of the bias's gradient: the same for any number of threads.
constexpr std::int64_t PARTS = 8;

/// Where q, k and v of one head of one sequence lie, in the projections or in their gradients.
struct Heads {
  Heads(const at::Tensor& queries, const at::Tensor& memory, std::int64_t heads) : joined(!memory.defined()) {
    sequences = queries.size(0);
    length = queries.size(1);
    keys = joined ? length : memory.size(1);
    width = joined ? queries.size(2) / 3 : queries.size(2);
    count = heads;
    each = width / heads;
    fromQueries = data<float>(queries);
    fromMemory = joined ? nullptr : data<float>(memory);
  }
  std::int64_t strideQ() const { return joined ? 3 * width : width; }
  std::int64_t strideK() const { return joined ? 3 * width : 2 * width; }
  float* q(std::int64_t sequence, std::int64_t head) const { return fromQueries + sequence * length * strideQ() + head * each; }
  float* k(std::int64_t sequence, std::int64_t head) const {
    return (joined ? fromQueries + width : fromMemory) + sequence * keys * strideK() + head * each;
  }
  float* v(std::int64_t sequence, std::int64_t head) const { return k(sequence, head) + width; }

  bool joined;
  std::int64_t sequences, length, keys, width, count, each;
  float *fromQueries, *fromMemory;
};

struct Options {
  at::Tensor mask;
  std::int64_t heads;
  DropoutSite site;
};

struct Attention : torch::autograd::Function<Attention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& queriesInput, const std::optional<at::Tensor>& memoryInput,
                            const std::optional<at::Tensor>& biasInput, const Options& options) {
    const auto contiguous = [](const std::optional<at::Tensor>& tensor) { return tensor ? tensor->contiguous() : at::Tensor(); };
    const auto queries = queriesInput.contiguous(), memory = contiguous(memoryInput), bias = contiguous(biasInput);
    const auto mask = options.mask.defined() ? options.mask.contiguous() : at::Tensor();
    const Heads from(queries, memory, options.heads);
    const auto key = dropoutKey(options.site);
    const auto maskQueries = mask.defined() ? mask.size(1) : 1;
    const auto matrix = from.length * from.keys;
    const SiteElements elements(options.site, from.sequences * from.count * matrix, from.count * matrix);
    auto p = at::empty({from.sequences, from.count, from.length, from.keys}, queries.options());
    auto result = at::empty({from.sequences, from.length, from.width}, queries.options());
    takeInTurn(from.sequences * from.count, [&](std::int64_t i) {
      const auto sequence = i / from.count, head = i % from.count;
      float* scores = data<float>(p) + i * matrix;
      static thread_local std::vector<float> dropped;
      dropped.resize(static_cast<std::size_t>(matrix));
      floatProduct(from.length, from.keys, from.each, Matrix<float>{from.q(sequence, head), from.strideQ()}, {from.k(sequence, head), from.strideK(), true}, scores, from.keys);
      for (std::int64_t query = 0; query < from.length; ++query) {
        const auto row = (i * from.length + query) * from.keys, at = query * from.keys;
        rows<float>().attentionSoftmax(scores + at, bias.defined() ? data<float>(bias) + head * matrix + at : nullptr,
                                       mask.defined() ? data<float>(mask) + (sequence * maskQueries + query % maskQueries) * from.keys : nullptr, scores + at,
                                       dropped.data() + at, from.keys, elements(row), key);
      }
      floatProduct(from.length, from.each, from.keys, Matrix<float>{dropped.data(), from.keys}, {from.v(sequence, head), from.strideK()},
                   data<float>(result) + sequence * from.length * from.width + head * from.each, from.width);
    });
    context->save_for_backward({queries, memory, p});
    context->saved_data["heads"] = options.heads;
    keepSite(context, options.site);
    context->saved_data["bias"] = biasInput && biasInput->requires_grad();
    return result;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &queries = saved[0], &memory = saved[1], &p = saved[2];
    const auto dResult = gradients[0].contiguous();
    const auto site = keptSite(context);
    const auto key = dropoutKey(site);
    const Heads from(queries, memory, context->saved_data["heads"].toInt());
    const auto dQueries = at::empty_like(queries), dMemory = memory.defined() ? at::empty_like(memory) : at::Tensor();
    const Heads to(dQueries, dMemory, from.count);
    const auto matrix = from.length * from.keys, parts = std::min(PARTS, from.sequences);
    const SiteElements elements(site, from.sequences * from.count * matrix, from.count * matrix);
    const auto dBias = context->saved_data["bias"].toBool() ? at::zeros({parts, from.count, from.length, from.keys}, p.options()) : at::Tensor();
    takeInTurn(parts * from.count, [&](std::int64_t piece) {
      const auto part = piece / from.count, head = piece % from.count;
      static thread_local std::vector<float> scratch;
      scratch.resize(static_cast<std::size_t>(3 * matrix));
      float *dropped = scratch.data(), *dDropped = dropped + matrix, *dScores = dDropped + matrix;
      for (auto sequence = from.sequences * part / parts; sequence < from.sequences * (part + 1) / parts; ++sequence) {
        const auto first = (sequence * from.count + head) * matrix;
        const float* probability = data<float>(p) + first;
        const Matrix<float> dContext{data<float>(dResult) + sequence * from.length * from.width + head * from.each, from.width};
        floatProduct(from.length, from.keys, from.each, dContext, {from.v(sequence, head), from.strideK(), true}, dDropped, from.keys);
        for (std::int64_t query = 0; query < from.length; ++query) {
          const auto at = query * from.keys;
          const auto element = elements(first + at);
          rows<float>().dropout(probability + at, nullptr, dropped + at, from.keys, element, key);
          rows<float>().attentionSoftmaxBackward(dDropped + at, probability + at, dScores + at,
                                                 dBias.defined() ? data<float>(dBias) + piece * matrix + at : nullptr, from.keys, element, key);
        }
        floatProduct(from.keys, from.each, from.length, {dropped, from.keys, true}, dContext, to.v(sequence, head), to.strideK());
        floatProduct(from.length, from.each, from.keys, Matrix<float>{dScores, from.keys}, {from.k(sequence, head), from.strideK()}, to.q(sequence, head), to.strideQ());
        floatProduct(from.keys, from.each, from.length, Matrix<float>{dScores, from.keys, true}, {from.q(sequence, head), from.strideQ()}, to.k(sequence, head), to.strideK());
      }
    });
    return {dQueries, dMemory, dBias.defined() ? dBias.sum(0) : dBias, {}};
  }
};

/// The same op by op; what is not float on the CPU goes this way.
at::Tensor attentionOps(const at::Tensor& queries, const at::Tensor& memory, std::int64_t heads, const at::Tensor& bias, const at::Tensor& mask,
                        const DropoutSite& site) {
  const auto parts = [&](const at::Tensor& from, std::int64_t n) {
    auto all = from.view({from.size(0), from.size(1), n, heads, from.size(2) / (n * heads)}).unbind(2);
    for (auto& part : all) part = part.transpose(1, 2);
    return all;
  };
  std::vector<at::Tensor> qkv;
  if (memory.defined()) {
    const auto kv = parts(memory, 2);
    qkv = {parts(queries, 1)[0], kv[0], kv[1]};
  } else {
    qkv = parts(queries, 3);
  }
  return attentionOfHeads(qkv[0], qkv[1], qkv[2], bias, mask, site);
}

}  // namespace

at::Tensor attentionOfHeads(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& bias, const at::Tensor& mask,
                            const DropoutSite& site) {
  const auto weights = attentionSoftmax(kernels::matmul(q, k.transpose(2, 3)), bias, mask, site);
  return kernels::matmul(weights, v).transpose(1, 2).reshape({q.size(0), q.size(2), -1});
}

at::Tensor attention(const at::Tensor& queries, const at::Tensor& memory, std::int64_t heads, const at::Tensor& bias, const at::Tensor& mask,
                     const DropoutSite& site) {
  const auto isFloat = [](const at::Tensor& t) { return !t.defined() || t.scalar_type() == at::kFloat; };
  if (!queries.device().is_cpu() || !isFloat(queries) || !isFloat(bias) || !isFloat(mask)) return attentionOps(queries, memory, heads, bias, mask, site);
  const auto maybe = [](const at::Tensor& t) { return t.defined() ? std::optional(t) : std::nullopt; };
  return Attention::apply(queries, maybe(memory), maybe(bias), Options{mask, heads, site});
}

}  // namespace switchyard::kernels
