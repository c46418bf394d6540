import { formatSeconds, InputError } from '../../base/index.js';

/** What was measured in a run about moving an expert. */
export interface ExpertTraffic {
  /** Bytes of an expert's parameters, their gradients and both moments. */
  readonly bytesPerMove: number;
  /** Of the communication lane, from one rank to another. */
  readonly bytesPerSecond: number;
  /** What computing experts, forward and backward, takes a rank in a step; mean over ranks. */
  readonly expertSeconds: number;
}

/** Steps' worth of the experts' computing: from that of a tiny expert over shared memory to one that is never worth moving. */
const CHEAPEST = 1e-6;
const DEAREST = 1e6;

/**
 * What moving one replica takes, in units of what computing experts takes a rank in a step: time on the wire over `expertSeconds`, rounded up to a power of ten from 10^-6 to 10^6.
 *
 * Only this ratio enters decisions, and it is measured once in a run, before its first decision, and kept, in checkpoints too. Two runs measure differently by what the machine does meanwhile, and
 * must decide alike: rounded this far they nearly always do (a measurement that varies by 10% falls on two sides of a power of ten in 4 of 100 runs, of a power of two in 14), and
 * where they do not, only a layer whose gain lies between the two prices is decided differently. Up, as moves that are thought too dear cost little: experts mostly cost a hundredth of a
 * step or less to move, and gain tenths of one in each step that follows.
 *
 * It takes the moves to be one after the other and not hidden behind computation, which is the most that they can take. Throws `InputError` for what is no size, rate or time.
 */
export function priceMove({ bytesPerMove, bytesPerSecond, expertSeconds }: ExpertTraffic): number {
  for (const [name, value] of Object.entries({ bytesPerMove, bytesPerSecond, expertSeconds })) {
    if (value > 0 && Number.isFinite(value)) continue;
    throw new InputError({ what: `${name} is ${value}`, mend: 'measure a step in which experts get tokens' });
  }
  const ratio = bytesPerMove / bytesPerSecond / expertSeconds;
  let price = CHEAPEST;
  // Powers by name, as a logarithm would round; 1e-6 times 10 is not 1e-5.
  for (let exponent = -6; price < ratio && price < DEAREST; ) price = Number(`1e${++exponent}`);
  return price;
}

/** `a move takes 3.1 ms on the wire, counted as 0.01 steps of the experts' computing`. */
export function formatMoveCost(traffic: ExpertTraffic, stepsPerMove: number): string {
  const seconds = formatSeconds(traffic.bytesPerMove / traffic.bytesPerSecond);
  return `a move takes ${seconds} on the wire, counted as ${stepsPerMove} steps of the experts' computing`;
}
