import type { Command } from 'commander';
import { InputError } from '../base/index.js';
import { readCosts } from '../formats/index.js';
import { type Costs, largestAmount, longestTime, unitCosts } from '../simulate/index.js';
import { parseNumber } from './numbers.js';

/** The flags that say what things cost. */
export interface CostFlags {
  readonly forward?: number;
  readonly backwardInput?: number;
  readonly backwardWeight?: number;
  readonly overlapped?: number;
  readonly p2p?: number;
  readonly p2pLatency?: number;
  readonly p2pBandwidth?: number;
  readonly messageSize?: number;
  readonly costs?: string;
}

/** What the help says of a costs file. */
export const costsHelp = `FILE.json holds any of: "forward", "backwardInput", "backwardWeight", "overlapped", "memory" {"parameters", "gradients", "optimizer",
"activationsUntilInput", "activationsUntilWeight"} - each a number, or a list with one a stage; "p2p", or "message" {"latency", "bandwidth", "size"};
instead of the times, "segments" with "contention", from which they follow. docs/simulation.md tells more; examples/costs.json is one.`;

/** Adds the flags that say what things cost. */
export function addCostFlags(command: Command): Command {
  return command
    .option('--forward <time>', 'time of a forward, in any one unit (default: 1)', parseTime('--forward'))
    .option('--backward-input <time>', 'time of a backward for inputs (default: 1)', parseTime('--backward-input'))
    .option('--backward-weight <time>', 'time of a backward for weights (default: 1)', parseTime('--backward-weight'))
    .option(
      '--overlapped <time>',
      'time of a whole overlapped pair, at least that of its longer half (default: the sum of its parts)',
      parseTime('--overlapped'),
    )
    .option('--p2p <time>', 'time of a message between ranks (default: 0)', parseTime('--p2p'))
    .option(
      '--p2p-latency <time>',
      'instead of --p2p: time of an empty message (default: 0)',
      parseTime('--p2p-latency'),
    )
    .option(
      '--p2p-bandwidth <rate>',
      'instead of --p2p: message size that goes through in a unit of time',
      parseNumber('--p2p-bandwidth', { from: Number.MIN_VALUE, to: largestAmount }),
    )
    .option(
      '--message-size <size>',
      'size of a message, in the unit of --p2p-bandwidth',
      parseNumber('--message-size', { from: 0, to: largestAmount }),
    )
    .option('--costs <file.json>', 'read costs from a file, also segments and memory; the flags above go first');
}

function parseTime(flag: string): (text: string) => number {
  return (text) => {
    const time = text.trim() === '' ? Number.NaN : Number(text);
    if (time >= 0 && time <= longestTime) return time;
    throw new InputError({
      what: `${JSON.stringify(text)} is not a time`,
      where: flag,
      mend: `use a number from 0 to ${longestTime}`,
    });
  };
}

const timeFlags = ['forward', 'backwardInput', 'backwardWeight', 'overlapped'] as const;

/** The costs of the flags, then those of the file, then one unit a part. Throws `InputError` for flags or keys that say the same thing twice. */
export function gatherCosts(flags: CostFlags): Costs {
  const file = flags.costs === undefined ? {} : readCosts(flags.costs);
  const times = timeFlags.filter((flag) => flags[flag] !== undefined);
  if (file.segments !== undefined && times[0] !== undefined) {
    throw new InputError({
      what: `${spellFlag(times[0])} is given, and segments in the file say the same`,
      mend: 'leave one of them out',
    });
  }
  const given = Object.fromEntries(times.map((flag) => [flag, flags[flag]]));
  const { message: _, ...rest } = file;
  const costs: Costs = { ...unitCosts, ...rest, ...given, ...gatherMessage(flags, file) };
  checkPairs(costs, flags.overlapped === undefined ? (flags.costs ?? '') : '--overlapped');
  return costs;
}

/** Throws `InputError` where one time for all pairs is less than the longer half of a pair takes alone. */
function checkPairs({ overlapped, segments, ...parts }: Costs, where: string): void {
  if (typeof overlapped !== 'number' || segments !== undefined) return;
  const [forward, inputs, weights] = [parts.forward, parts.backwardInput, parts.backwardWeight].map((part) =>
    [part].flat(),
  );
  const stages = Math.max(forward.length, inputs.length, weights.length);
  const at = (times: readonly number[], stage: number): number => (times.length === 1 ? times[0] : (times[stage] ?? 0));
  const halves = Array.from({ length: stages }, (_, stage) =>
    Math.max(at(forward, stage), at(inputs, stage) + at(weights, stage)),
  );
  const least = Number(halves.reduce((longest, half) => Math.max(longest, half)).toPrecision(12));
  if (overlapped >= least) return;
  throw new InputError({
    what: `an overlapped pair cannot take ${overlapped}: the longer of a forward and a backward takes ${least} alone`,
    where,
    mend: `use ${least} or more`,
  });
}

const messageFlags = ['p2pLatency', 'p2pBandwidth', 'messageSize'] as const;

/** What a message takes. */
function gatherMessage(flags: CostFlags, { message }: Partial<Costs>): Pick<Partial<Costs>, 'p2p' | 'message'> {
  const surplus = messageFlags.find((flag) => flags[flag] !== undefined);
  if (flags.p2p !== undefined) {
    if (surplus === undefined) return { p2p: flags.p2p };
    throw new InputError({ what: `--p2p and ${spellFlag(surplus)} are given together`, mend: 'give one of them' });
  }
  if (surplus === undefined) return message === undefined ? {} : { message };
  const bandwidth = flags.p2pBandwidth ?? message?.bandwidth;
  const size = flags.messageSize ?? message?.size;
  if (bandwidth === undefined || size === undefined) {
    throw new InputError({
      what: `${bandwidth === undefined ? '--p2p-bandwidth' : '--message-size'} is missing`,
      mend: 'a message takes latency + size / bandwidth: give both, or --p2p',
    });
  }
  return { message: { latency: flags.p2pLatency ?? message?.latency ?? 0, bandwidth, size } };
}

/** `--p2p-latency` for `p2pLatency`. */
export function spellFlag(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
