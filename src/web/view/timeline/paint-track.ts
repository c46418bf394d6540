import { firstEndingAfter, type Track } from './index-timeline.js';

/** The part of the time that a picture shows. */
export interface TimeWindow {
  readonly from: number;
  readonly to: number;
}

/** Memory for one line of pixels: sums of red, green, blue and of the share that events cover, for each pixel. */
export type LineSums = Float32Array;

/**
 * Paints a track into a line of pixels (`line`, RGBA): each has the colours of the events that it shows, mixed by the time that they take of it, over `idle`. So a frame
 * costs as much as the events in it and its pixels, however short the events are. `colours` are `[kinds]` of `[red, green, blue]`, by place in `eventKinds`; `sums` is of
 * `line`'s length.
 */
export function paintTrack(
  track: Track,
  { from, to }: TimeWindow,
  line: Uint8ClampedArray,
  options: {
    readonly sums: LineSums;
    readonly colours: readonly (readonly [number, number, number])[];
    readonly idle: readonly [number, number, number];
  },
): void {
  const { sums, colours, idle } = options;
  const width = line.length / 4;
  const scale = width / (to - from);
  sums.fill(0);
  for (let place = firstEndingAfter(track, from); place < track.starts.length; place++) {
    const start = (track.starts[place]! - from) * scale;
    if (start >= width) break;
    const end = Math.min(width, (track.ends[place]! - from) * scale);
    addSpan(sums, Math.max(0, start), end, colours[track.kinds[place]!]!);
  }
  mixLine(line, sums, idle);
}

/** Adds a colour to the pixels from `start` to `end`, to those at both ends by the share of them. */
function addSpan(sums: LineSums, start: number, end: number, [red, green, blue]: readonly [number, number, number]) {
  for (let pixel = Math.floor(start); pixel < end; pixel++) {
    const share = Math.min(end, pixel + 1) - Math.max(start, pixel);
    const at = 4 * pixel;
    sums[at]! += share * red;
    sums[at + 1]! += share * green;
    sums[at + 2]! += share * blue;
    sums[at + 3]! += share;
  }
}

function mixLine(line: Uint8ClampedArray, sums: LineSums, idle: readonly [number, number, number]): void {
  for (let at = 0; at < sums.length; at += 4) {
    const covered = sums[at + 3]!;
    // Lanes hold one event at a time, but rounding, or a file from elsewhere, may say otherwise.
    const rest = Math.max(0, 1 - covered);
    const whole = covered + rest;
    for (let channel = 0; channel < 3; channel++)
      line[at + channel] = (sums[at + channel]! + rest * idle[channel]!) / whole;
    line[at + 3] = 255;
  }
}
