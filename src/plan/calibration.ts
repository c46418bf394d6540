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
