// Kernels over float32 numbers in the imported memory, four at a time. Offsets are bytes from the start of the memory, as unsigned numbers, so
// they reach 4 GiB. No state, no static data: several threads may run them on one memory.

/**
 * One AdamW step (Loshchilov & Hutter 2019, arXiv:1711.05101) in the form and rounding order of torch.optim.AdamW:
 *   g = gradient * gradientScale
 *   p = p * (1 - learningRate * weightDecay)
 *   m = m + (1 - beta1) * (g - m)
 *   v = beta2 * v + (1 - beta2) * g * g
 *   p = p - learningRate / biasCorrection1 * m / (sqrt(v) / sqrt(biasCorrection2) + epsilon)
 * The gradients are zeroed in the same pass.
 */
export function adamw(
  parameters: usize,
  gradients: usize,
  firstMoments: usize,
  secondMoments: usize,
  count: u32,
  learningRate: f64,
  beta1: f64,
  beta2: f64,
  epsilon: f64,
  weightDecay: f64,
  biasCorrection1: f64,
  biasCorrection2: f64,
  gradientScale: f64,
): void {
  const decay = <f32>(1 - learningRate * weightDecay);
  const firstRate = <f32>(1 - beta1);
  const secondKeep = <f32>beta2;
  const secondRate = <f32>(1 - beta2);
  const step = <f32>(learningRate / biasCorrection1);
  const root = <f32>Math.sqrt(biasCorrection2);
  const small = <f32>epsilon;
  const scale = <f32>gradientScale;
  const wideBytes: usize = (<usize>(count & ~3)) << 2;
  let offset: usize = 0;
  for (; offset < wideBytes; offset += 16) {
    const gradient = f32x4.mul(v128.load(gradients + offset), f32x4.splat(scale));
    const oldFirst = v128.load(firstMoments + offset);
    const first = f32x4.add(oldFirst, f32x4.mul(f32x4.splat(firstRate), f32x4.sub(gradient, oldFirst)));
    const second = f32x4.add(
      f32x4.mul(f32x4.splat(secondKeep), v128.load(secondMoments + offset)),
      f32x4.mul(f32x4.mul(f32x4.splat(secondRate), gradient), gradient),
    );
    const spread = f32x4.add(f32x4.div(f32x4.sqrt(second), f32x4.splat(root)), f32x4.splat(small));
    const decayed = f32x4.mul(v128.load(parameters + offset), f32x4.splat(decay));
    v128.store(firstMoments + offset, first);
    v128.store(secondMoments + offset, second);
    v128.store(gradients + offset, f32x4.splat(0));
    v128.store(parameters + offset, f32x4.sub(decayed, f32x4.div(f32x4.mul(f32x4.splat(step), first), spread)));
  }
  const bytes: usize = (<usize>count) << 2;
  for (; offset < bytes; offset += 4) {
    const gradient = load<f32>(gradients + offset) * scale;
    const oldFirst = load<f32>(firstMoments + offset);
    const first = oldFirst + firstRate * (gradient - oldFirst);
    const second = secondKeep * load<f32>(secondMoments + offset) + secondRate * gradient * gradient;
    const spread = sqrt<f32>(second) / root + small;
    store<f32>(firstMoments + offset, first);
    store<f32>(secondMoments + offset, second);
    store<f32>(gradients + offset, 0);
    store<f32>(parameters + offset, load<f32>(parameters + offset) * decay - (step * first) / spread);
  }
}

/** Sum of the squares, in float64 and always in the same order: the same numbers give the same bits. */
export function sumOfSquares(values: usize, count: u32): f64 {
  let even = f64x2.splat(0);
  let odd = f64x2.splat(0);
  const wideBytes: usize = (<usize>(count & ~3)) << 2;
  let offset: usize = 0;
  for (; offset < wideBytes; offset += 16) {
    const four = v128.load(values + offset);
    const low = f64x2.promote_low_f32x4(four);
    const high = f64x2.promote_low_f32x4(v128.shuffle<i32>(four, four, 2, 3, 0, 1));
    even = f64x2.add(even, f64x2.mul(low, low));
    odd = f64x2.add(odd, f64x2.mul(high, high));
  }
  const both = f64x2.add(even, odd);
  let total = f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
  const bytes: usize = (<usize>count) << 2;
  for (; offset < bytes; offset += 4) {
    const value = <f64>load<f32>(values + offset);
    total += value * value;
  }
  return total;
}
