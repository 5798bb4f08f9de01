#include "expertProduct.h"

#include <torch/csrc/autograd/custom_function.h>

#include "floatProduct.h"
#include "product.h"
#include "tensors.h"

namespace switchyard::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The most units of an expert that one piece of work holds: smaller ones spend more on packing the weights again. Pieces are the
/// same whatever the number of threads, and so are the bits.
constexpr std::int64_t PIECE = 256;

/// Calls work(e, begin, end) for pieces of the units 0..count(e) of each expert.
template <class Count, class Work>
void inPieces(std::int64_t experts, Count count, Work work) {
  struct Piece {
    std::int64_t expert, begin, end;
  };
  std::vector<Piece> pieces;
  for (std::int64_t e = 0; e < experts; ++e) {
    const std::int64_t units = count(e), parts = (units + PIECE - 1) / PIECE;
    for (std::int64_t part = 0; part < parts; ++part) pieces.push_back({e, units * part / parts, units * (part + 1) / parts});
  }
  takeInTurn(static_cast<std::int64_t>(pieces.size()), [&](std::int64_t i) { work(pieces[static_cast<std::size_t>(i)].expert, pieces[static_cast<std::size_t>(i)].begin, pieces[static_cast<std::size_t>(i)].end); });
}

struct Sizes {
  std::int64_t experts, rows, inner, columns;
};

std::vector<std::int64_t> countsOf(const at::Tensor& used, const Sizes& sizes) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(sizes.experts));
  for (std::int64_t e = 0; e < sizes.experts; ++e) {
    const auto count = static_cast<std::int64_t>(data<float>(used)[e]);
    TORCH_CHECK(count >= 0 && count <= sizes.rows, "Expert ", e, " uses ", count, " of ", sizes.rows, " rows.");
    counts[static_cast<std::size_t>(e)] = count;
  }
  return counts;
}

struct ExpertProduct : torch::autograd::Function<ExpertProduct> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& rowsInput, const at::Tensor& weightInput, const at::Tensor& usedInput) {
    const auto rows = rowsInput.contiguous(), weight = weightInput.contiguous(), used = usedInput.contiguous();
    context->save_for_backward({rows, weight, used});
    const Sizes sizes{rows.size(0), rows.size(1), rows.size(2), weight.size(2)};
    auto result = at::empty({sizes.experts, sizes.rows, sizes.columns}, rows.options());
    byRows(sizes, countsOf(used, sizes), result, sizes.columns, [&](std::int64_t e, std::int64_t row, std::int64_t count, float* to) {
      floatProduct(count, sizes.columns, sizes.inner, {data<float>(rows) + (e * sizes.rows + row) * sizes.inner, sizes.inner},
                   {data<float>(weight) + e * sizes.inner * sizes.columns, sizes.columns}, to, sizes.columns);
    });
    return result;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &rows = saved[0], &weight = saved[1];
    const auto dY = gradients[0].contiguous();
    const Sizes sizes{rows.size(0), rows.size(1), rows.size(2), weight.size(2)};
    const auto counts = countsOf(saved[2], sizes);
    at::Tensor dRows, dWeight;
    if (context->needs_input_grad(0)) {
      dRows = at::empty_like(rows);
      byRows(sizes, counts, dRows, sizes.inner, [&](std::int64_t e, std::int64_t row, std::int64_t count, float* to) {
        floatProduct(count, sizes.inner, sizes.columns, {data<float>(dY) + (e * sizes.rows + row) * sizes.columns, sizes.columns},
                     {data<float>(weight) + e * sizes.inner * sizes.columns, sizes.columns, true}, to, sizes.inner);
      });
    }
    if (context->needs_input_grad(1)) {
      dWeight = at::empty_like(weight);
      const auto weightOf = [&](std::int64_t e) { return data<float>(dWeight) + e * sizes.inner * sizes.columns; };
      for (std::int64_t e = 0; e < sizes.experts; ++e)
        if (counts[static_cast<std::size_t>(e)] == 0) std::fill_n(weightOf(e), sizes.inner * sizes.columns, 0.0F);
      // The units are rows of the weight's gradient, each a sum over the expert's rows in use.
      inPieces(sizes.experts, [&](auto e) { return counts[static_cast<std::size_t>(e)] ? sizes.inner : 0; }, [&](auto e, auto begin, auto end) {
              floatProduct(end - begin, sizes.columns, counts[static_cast<std::size_t>(e)], {data<float>(rows) + e * sizes.rows * sizes.inner + begin, sizes.inner, true},
                           {data<float>(dY) + e * sizes.rows * sizes.columns, sizes.columns}, weightOf(e) + begin * sizes.columns, sizes.columns);
            });
    }
    return {dRows, dWeight, {}};
  }

 private:
  /// Fills `result` (E, R, width) by multiply(e, row, count, to) for blocks of rows in use, and with zeros elsewhere.
  template <class Multiply>
  static void byRows(const Sizes& sizes, const std::vector<std::int64_t>& counts, const at::Tensor& result, std::int64_t width, Multiply multiply) {
    const auto at = [&](std::int64_t e, std::int64_t row) { return data<float>(result) + (e * sizes.rows + row) * width; };
    inPieces(sizes.experts, [&](auto e) { return counts[static_cast<std::size_t>(e)]; }, [&](auto e, auto begin, auto end) { multiply(e, begin, end - begin, at(e, begin)); });
    at::parallel_for(0, sizes.experts, 1, [&](std::int64_t first, std::int64_t last) {
      for (auto e = first; e < last; ++e) {
        const auto count = counts[static_cast<std::size_t>(e)];
        std::fill_n(at(e, count), (sizes.rows - count) * width, 0.0F);
      }
    });
  }
};

}  // namespace

at::Tensor expertProduct(const at::Tensor& rows, const at::Tensor& weight, const at::Tensor& used) {
  if (!used.defined() || !applies(rows)) return kernels::matmul(rows, weight);
  if (rows.scalar_type() == at::kFloat) return ExpertProduct::apply(rows, weight, used.to(at::kFloat));
  if (!isWidened(rows)) return kernels::matmul(rows, weight);
  return ExpertProduct::apply(rows.to(at::kFloat), weight.to(at::kFloat), used.to(at::kFloat)).to(at::kBFloat16);
}

}  // namespace switchyard::kernels
