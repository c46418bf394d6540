/** What the name of a file says about the loads in it. */
export interface NamedFile {
  /** The rank that wrote it. */
  readonly rank: number | undefined;
  /** When, by the rank's clock, in seconds. */
  readonly time: number | undefined;
  /** The name without rank and time: files of other ranks and times have the same. */
  readonly kind: string;
  /** The name without rank: files of other ranks of the same time may have the same. */
  readonly recording: string;
}

const rankPattern = /(^|[_.-])(rank[_.-]?)\d{1,5}(?=[_.-]|$)/i;
/** MindSpeed-RL's, which names no rank. */
const collectsPattern = /(token_collects_)()\d{1,5}(?=\.json)/;
const timePattern = /(^|[_.-]|time(?:stamp)?[_.-]?)\d{9,11}(?:\.\d+)?(?=[_.-]|$)/i;

/** Takes a name such as `expert_distribution_rank0_timestamp1744347750.37.csv` apart. */
export function parseFileName(name: string): NamedFile {
  const pattern = rankPattern.test(name) ? rankPattern : collectsPattern;
  const rank = pattern.exec(name)?.[0];
  const recording = name.replace(pattern, '$1$2*');
  const time = timePattern.exec(recording)?.[0];
  return {
    rank: rank === undefined ? undefined : Number(/\d+$/.exec(rank)?.[0]),
    time: time === undefined ? undefined : Number(/[\d.]+$/.exec(time)?.[0]),
    kind: recording.replace(timePattern, '$1*'),
    recording,
  };
}

/**
 * Of MindIE's `decode_3.csv` and `prefill_3.csv`, each with a row for each layer and a column for each expert of one
 * NPU.
 */
export function parseMindIeName(name: string): { readonly phase: string; readonly rank: number } | undefined {
  const { phase, rank } = /^(?<phase>prefill|decode)_(?<rank>\d{1,5})\.csv$/.exec(name)?.groups ?? {};
  return phase === undefined ? undefined : { phase, rank: Number(rank) };
}

/** In the order in which people count: `dump_2` before `dump_10`. */
export function compareNames(a: string, b: string): number {
  const parts = (name: string) => name.split(/(\d+)/);
  const [left, right] = [parts(a), parts(b)];
  for (let place = 0; place < Math.min(left.length, right.length); place++) {
    const [one, other] = [left[place], right[place]];
    // Parts of digits are at odd places.
    if (place % 2 === 1 && Number(one) !== Number(other)) return Number(one) - Number(other);
    if (one !== other) return one < other ? -1 : 1;
  }
  return left.length - right.length;
}
