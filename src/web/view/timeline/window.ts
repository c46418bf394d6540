import { niceStep } from '../../../draw/index.js';
import type { TimeWindow } from './paint-track.js';

/** The deepest zoom: so much of the whole is left. */
const deepest = 1e-7;

/** The window moved and, where it is too wide or too narrow, changed, so that it lies within `[0, end]`. */
export function fitWindow({ from, to }: TimeWindow, end: number): TimeWindow {
  const whole = end > 0 ? end : 1;
  const length = Math.min(whole, Math.max(to - from, whole * deepest));
  const start = Math.min(Math.max(0, from), whole - length);
  return { from: start, to: start + length };
}

/** The window `factor` times as long, in which what was at `time` is where it was. */
export function zoomWindow({ from, to }: TimeWindow, end: number, { time, factor }: { time: number; factor: number }) {
  const whole = end > 0 ? end : 1;
  const length = Math.min(whole, Math.max((to - from) * factor, whole * deepest));
  const share = (time - from) / (to - from);
  return fitWindow({ from: time - share * length, to: time + (1 - share) * length }, end);
}

/** The window, moved by a share of its length. */
export function panWindow({ from, to }: TimeWindow, end: number, share: number): TimeWindow {
  const shift = share * (to - from);
  return fitWindow({ from: from + shift, to: to + shift }, end);
}

/** Times for the marks of an axis, at round numbers and at most `most` of them, and the distance between two. */
export function listTicks({ from, to }: TimeWindow, most: number): { readonly times: number[]; readonly step: number } {
  const step = niceStep((to - from) / Math.max(1, most));
  const first = Math.ceil(from / step - 1e-9);
  const count = Math.max(0, Math.floor(to / step + 1e-9) - first + 1);
  return { times: Array.from({ length: count }, (_, index) => Number(((first + index) * step).toPrecision(12))), step };
}

/** The window that a part of an address means, as `formatWindow` writes it; undefined for what is none. */
export function parseWindow(text: string | undefined): TimeWindow | undefined {
  const [from, to, ...more] = (text ?? '').split('~').map(Number);
  if (from === undefined || to === undefined || more.length > 0) return undefined;
  return from >= 0 && to > from && Number.isFinite(to) ? { from, to } : undefined;
}

/** A window as a part of an address, empty for the whole. */
export function formatWindow(window: TimeWindow | undefined): string {
  return window === undefined ? '' : `${Number(window.from.toPrecision(9))}~${Number(window.to.toPrecision(9))}`;
}
