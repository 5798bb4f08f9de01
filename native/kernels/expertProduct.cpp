#include "expertProduct.h"

#include <torch/csrc/autograd/custom_function.h>

#include <type_traits>

#include "floatProduct.h"
#include "product.h"
#include "tensors.h"

namespace switchyard::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// From as many rows an expert libtorch's own bfloat16 product of whole buffers is the faster way, though it multiplies the empty places too.
constexpr std::int64_t MANY_ROWS = 128;

/// The most units of a block that one piece of work holds: smaller ones spend more on packing the weights again. Pieces are the
/// same whatever the number of threads, and so are the bits.
constexpr std::int64_t PIECE = 256;

/// Calls work(i, begin, end) for pieces of the units 0..units(i) of each of `count` items.
template <class Units, class Work>
void inPieces(std::int64_t count, Units units, Work work) {
  struct Piece {
    std::int64_t item, begin, end;
  };
  std::vector<Piece> pieces;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t n = units(i), parts = (n + PIECE - 1) / PIECE;
    for (std::int64_t part = 0; part < parts; ++part) pieces.push_back({i, n * part / parts, n * (part + 1) / parts});
  }
  takeInTurn(static_cast<std::int64_t>(pieces.size()), [&](std::int64_t i) {
    const auto& piece = pieces[static_cast<std::size_t>(i)];
    work(piece.item, piece.begin, piece.end);
  });
}

/// E experts with B blocks each; block i = e · B + b.
struct Blocks {
  Blocks(const at::Tensor& rows, const at::Tensor& weight, const at::Tensor& used)
      : experts(rows.size(0)), each(used.size(1)), rows(rows.size(1) / each), inner(rows.size(2)), columns(weight.size(2)) {
    TORCH_CHECK(used.size(0) == experts && rows.size(1) % each == 0, "The experts' rows must be whole blocks.");
    for (std::int64_t i = 0; i < experts * each; ++i) {
      const auto count = static_cast<std::int64_t>(data<float>(used)[i]);
      TORCH_CHECK(count >= 0 && count <= this->rows, "Block ", i, " uses ", count, " of ", this->rows, " rows.");
      counts.push_back(count);
    }
  }
  std::int64_t total() const { return experts * each; }
  std::int64_t used(std::int64_t block) const { return counts[static_cast<std::size_t>(block)]; }
  bool isUsed(std::int64_t expert) const {
    for (auto i = expert * each; i < (expert + 1) * each; ++i)
      if (used(i) > 0) return true;
    return false;
  }

  std::int64_t experts, each, rows, inner, columns;
  std::vector<std::int64_t> counts;
};

/// Fills `result` (E, R, width) by multiply(block, row, count, to, stride) for rows in use, which writes floats, and with zeros elsewhere.
template <class T, class Multiply>
void byRows(const Blocks& blocks, const at::Tensor& result, std::int64_t width, Multiply multiply) {
  const auto at = [&](std::int64_t block, std::int64_t row) { return data<T>(result) + (block * blocks.rows + row) * width; };
  inPieces(blocks.total(), [&](auto block) { return blocks.used(block); }, [&](auto block, auto begin, auto end) {
    if constexpr (std::is_same_v<T, float>) {
      multiply(block, begin, end - begin, at(block, begin));
    } else {
      static thread_local std::vector<float> sums;
      const auto numbers = (end - begin) * width;
      sums.resize(static_cast<std::size_t>(numbers));
      multiply(block, begin, end - begin, sums.data());
      rows<T>().round(sums.data(), at(block, begin), numbers);
    }
  });
  at::parallel_for(0, blocks.total(), 1, [&](std::int64_t first, std::int64_t last) {
    for (auto block = first; block < last; ++block)
      std::fill_n(at(block, blocks.used(block)), (blocks.rows - blocks.used(block)) * width, T{});
  });
}

/// The products, for rows and weights of T; the weight's gradient is float.
template <class T>
struct OfRows {
  static void forward(const Blocks& blocks, const at::Tensor& rows, const at::Tensor& weight, const at::Tensor& result) {
    byRows<T>(blocks, result, blocks.columns, [&](std::int64_t block, std::int64_t row, std::int64_t count, float* to) {
      floatProduct(count, blocks.columns, blocks.inner, Matrix<T>{data<T>(rows) + (block * blocks.rows + row) * blocks.inner, blocks.inner},
                   {data<T>(weight) + block / blocks.each * blocks.inner * blocks.columns, blocks.columns}, to, blocks.columns);
    });
  }

  static void rowGradient(const Blocks& blocks, const at::Tensor& dY, const at::Tensor& weight, const at::Tensor& dRows) {
    byRows<T>(blocks, dRows, blocks.inner, [&](std::int64_t block, std::int64_t row, std::int64_t count, float* to) {
      floatProduct(count, blocks.inner, blocks.columns, Matrix<T>{data<T>(dY) + (block * blocks.rows + row) * blocks.columns, blocks.columns},
                   {data<T>(weight) + block / blocks.each * blocks.inner * blocks.columns, blocks.columns, true}, to, blocks.inner);
    });
  }

  static void weightGradient(const Blocks& blocks, const at::Tensor& rows, const at::Tensor& dY, const at::Tensor& dWeight) {
    const auto matrix = blocks.inner * blocks.columns;
    for (std::int64_t e = 0; e < blocks.experts; ++e)
      if (!blocks.isUsed(e)) std::fill_n(data<float>(dWeight) + e * matrix, matrix, 0.0F);
    // The units are rows of the weight's gradient, each a sum over the expert's rows in use.
    inPieces(blocks.experts, [&](auto e) { return blocks.isUsed(e) ? blocks.inner : 0; }, [&](auto e, auto begin, auto end) {
      bool add = false;
      for (auto block = e * blocks.each; block < (e + 1) * blocks.each; ++block) {
        if (blocks.used(block) == 0) continue;
        floatProduct(end - begin, blocks.columns, blocks.used(block), Matrix<T>{data<T>(rows) + block * blocks.rows * blocks.inner + begin, blocks.inner, true},
                     {data<T>(dY) + block * blocks.rows * blocks.columns, blocks.columns}, data<float>(dWeight) + e * matrix + begin * blocks.columns,
                     blocks.columns, add);
        add = true;
      }
    });
  }
};

struct ExpertProduct : torch::autograd::Function<ExpertProduct> {
  /// `value` gathers the gradient, `read` is multiplied by.
  static at::Tensor forward(AutogradContext* context, const at::Tensor& rowsInput, const at::Tensor& value, const at::Tensor& read, const at::Tensor& usedInput) {
    const auto rows = rowsInput.contiguous(), weight = read.contiguous(), used = usedInput.contiguous();
    context->save_for_backward({rows, weight, used});
    const Blocks blocks(rows, weight, used);
    auto result = at::empty({rows.size(0), rows.size(1), blocks.columns}, rows.options());
    forStorage(rows, [&]<class T>(T) { OfRows<T>::forward(blocks, rows, weight, result); });
    return result;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &rows = saved[0], &weight = saved[1];
    const auto dY = gradients[0].contiguous();
    const Blocks blocks(rows, weight, saved[2]);
    at::Tensor dRows, dWeight;
    if (context->needs_input_grad(0)) {
      dRows = at::empty_like(rows);
      forStorage(rows, [&]<class T>(T) { OfRows<T>::rowGradient(blocks, dY, weight, dRows); });
    }
    if (context->needs_input_grad(1)) {
      dWeight = at::empty(weight.sizes(), weight.options().dtype(at::kFloat));
      forStorage(rows, [&]<class T>(T) { OfRows<T>::weightGradient(blocks, rows, dY, dWeight); });
    }
    return {dRows, dWeight, {}, {}};
  }
};

}  // namespace

at::Tensor expertProduct(const at::Tensor& rows, const RoundedValue& weight, const at::Tensor& used) {
  const auto inUse = [&] { return used.to(at::kFloat); };
  if (!used.defined() || !applies(rows)) return kernels::matmul(rows, inGraph(weight));
  if (rows.scalar_type() == at::kFloat) return ExpertProduct::apply(rows, weight.value, weight.value.detach(), inUse());
  if (weight.rounded.defined() && multipliesBFloat16() && rows.size(1) < MANY_ROWS) return ExpertProduct::apply(rows, weight.value, weight.rounded, inUse());
  if (isWidened(rows)) {
    const auto wide = inGraph(weight).to(at::kFloat);
    return ExpertProduct::apply(rows.to(at::kFloat), wide, wide.detach(), inUse()).to(at::kBFloat16);
  }
  return kernels::matmul(rows, inGraph(weight));
}

}  // namespace switchyard::kernels
