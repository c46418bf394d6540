/** Factors on predicted times; 1 leaves a time as it follows from the cluster file. */
export interface Calibration {
  /** On forwards outside of pairs; so are the next two. */
  readonly forward: number;
  readonly backwardInput: number;
  readonly backwardWeight: number;
  readonly overlapped: number;
  /** On the reduction of gradients and the optimizer. */
  readonly optimizer: number;
}

/** A prediction from first principles. */
export const noCalibration: Calibration = {
  forward: 1,
  backwardInput: 1,
  backwardWeight: 1,
  overlapped: 1,
  optimizer: 1,
};

/**
 * How far the prediction of the one step that is known was off, as a share of it (docs/planning.md: DeepSeek-V3 on
 * 2,048 H800, 19.926 s): with the calibration, and from first principles.
 */
export function knownError(calibration: Calibration): number {
  const isFitted = Object.values(calibration).some((factor) => factor !== 1);
  return isFitted ? 0.032 : 0.058;
}
