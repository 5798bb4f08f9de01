// Exponential moving average as TensorBoard draws it: debiased, so that the first values are not pulled towards zero.

/**
 * Smooths `values[0..length)` into `out`. `weight` is the share kept from before, 0 (no smoothing) to below 1:
 * s[i] = weight·s[i−1] + (1 − weight)·v[i], divided by 1 − weight^(i+1).
 * A value that is not finite is passed on as it is and leaves the average as it was.
 */
export function exponentialMovingAverage(values: ArrayLike<number>, length: number, weight: number, out: Float64Array = new Float64Array(length)): Float64Array {
  let average = 0;
  let seen = 0;
  for (let i = 0; i < length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) {
      out[i] = value;
      continue;
    }
    average = weight * average + (1 - weight) * value;
    seen++;
    out[i] = weight === 0 ? value : average / (1 - weight ** seen);
  }
  return out;
}
