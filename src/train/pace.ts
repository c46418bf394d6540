/** Keeps what is done beside the training to a small share of its time. */
export interface Pace {
  /** Whether it will be time again in so many seconds: always at first. */
  isDue(inSeconds: number): boolean;
  /** Whether there will be time for what is wanted more than the rest: as often as it comes, and up to `mostShare`. */
  isAffordable(inSeconds: number): boolean;
  /** A piece of work begins; it ends when what this gives is called. */
  begin(): () => void;
}

export interface PaceOptions {
  /** From the end of one piece of work to the next. */
  readonly leastSeconds: number;
  /** Of the time since the pace was made, for all work together. */
  readonly share: number;
  /** As much as `share`, unless it says more. */
  readonly mostShare?: number;
  /** Seconds since any moment. */
  readonly clock?: () => number;
}

const processSeconds = () => performance.now() / 1000;

export function createPace({ leastSeconds, share, mostShare = share, clock = processSeconds }: PaceOptions): Pace {
  const opened = clock();
  let spent = 0;
  let last = Number.NEGATIVE_INFINITY;
  const isWithin = (limit: number, at: number) => spent <= limit * (at - opened);
  return {
    isDue(inSeconds) {
      const at = clock() + inSeconds;
      return at - last >= leastSeconds && isWithin(share, at);
    },
    isAffordable: (inSeconds) => isWithin(mostShare, clock() + inSeconds),
    begin() {
      const start = clock();
      return () => {
        last = clock();
        spent += last - start;
      };
    },
  };
}
