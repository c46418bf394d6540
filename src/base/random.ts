import { InputError } from './errors.js';

/** A stream of random numbers: the same seed and labels give the same numbers everywhere. */
export interface Random {
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number;
  /** Normal with mean 0 and standard deviation 1, float64. */
  normal(): number;
  /** An integer in [0, below); the bias is under below / 2^53. Throws `InputError` unless `below` is a positive safe integer. */
  integer(below: number): number;
}

/**
 * A stream of its own for each seed and list of labels, so that a parameter or a step gets the same numbers in every layout:
 * `createRandom(seed, 'parameter', name)`. Labels differ as text and number differ (`'1'` is not `1`).
 * The generator is Philox 4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011): a block cipher of a counter.
 */
export function createRandom(seed: number, ...labels: readonly (string | number)[]): Random {
  const [key0, key1, high0, high1] = hash128(JSON.stringify([seed, ...labels]));
  const key = [key0, key1] as const;
  const block = new Uint32Array(4);
  let counter = 0;
  let position = 4;
  let spare: number | undefined;

  const nextWord = (): number => {
    if (position === 4) {
      block[0] = counter;
      block[1] = Math.floor(counter / 2 ** 32);
      block[2] = high0;
      block[3] = high1;
      philox(block, key);
      counter += 1;
      position = 0;
    }
    return block[position++]!;
  };
  const uniform = (): number => ((nextWord() >>> 5) * 2 ** 26 + (nextWord() >>> 6)) / 2 ** 53;
  const normal = (): number => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    // Box-Muller; 1 - uniform is in (0, 1], so the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
  const integer = (below: number): number => {
    if (!(Number.isSafeInteger(below) && below > 0)) {
      throw new InputError({ what: `cannot draw an integer below ${below}`, mend: 'give a positive integer' });
    }
    return Math.floor(uniform() * below);
  };
  return { uniform, normal, integer };
}

/** The integers in [0, count), in a random order (Fisher and Yates). */
export function shuffleNumbers(count: number, random: Random): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let last = count - 1; last > 0; last--) {
    const other = random.integer(last + 1);
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

/** Ten rounds of Philox 4x32 on four words, in place. */
export function philox(words: Uint32Array, key: readonly [number, number]): void {
  let [key0, key1] = key;
  let first = words[0]!;
  let second = words[1]!;
  let third = words[2]!;
  let fourth = words[3]!;
  for (let round = 0; round < 10; round++) {
    const newFirst = multiplyHigh(0xcd9e8d57, third) ^ second ^ key0;
    const newThird = multiplyHigh(0xd2511f53, first) ^ fourth ^ key1;
    second = Math.imul(0xcd9e8d57, third);
    fourth = Math.imul(0xd2511f53, first);
    first = newFirst;
    third = newThird;
    key0 = (key0 + 0x9e3779b9) | 0;
    key1 = (key1 + 0xbb67ae85) | 0;
  }
  words[0] = first;
  words[1] = second;
  words[2] = third;
  words[3] = fourth;
}

/** The upper 32 bits of the product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  // Sums of 16-bit halves, each of which stays below 2^32.
  const middle = (Math.imul(aHigh, bLow) >>> 0) + (Math.imul(aLow, bLow) >>> 16);
  const other = (Math.imul(aLow, bHigh) >>> 0) + (middle & 0xffff);
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (other >>> 16)) | 0;
}

/** 128 bits of a text, four lanes that are mixed at the end (after bryc's cyrb128, public domain). */
function hash128(text: string): [number, number, number, number] {
  const multipliers = [597399067, 2869860233, 951274213, 2716044179] as const;
  const lanes: [number, number, number, number] = [1779033703, 3144134277, 1013904242, 2773480762];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    for (let lane = 0; lane < 4; lane++) {
      lanes[lane] = lanes[(lane + 1) & 3]! ^ Math.imul(lanes[lane]! ^ unit, multipliers[lane]!);
    }
  }
  for (let lane = 0; lane < 4; lane++) {
    const neighbour = lanes[(lane + 2) & 3]!;
    lanes[lane] = Math.imul(neighbour ^ (neighbour >>> (17 - lane)), multipliers[lane]!);
  }
  const all = lanes[0] ^ lanes[1] ^ lanes[2] ^ lanes[3];
  return [all >>> 0, (lanes[1] ^ all) >>> 0, (lanes[2] ^ all) >>> 0, (lanes[3] ^ all) >>> 0];
}
