/** Red, green and blue, from 0 to 255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** The colour that `#a5d0f0` writes. */
export function parseColour(hex: string): Colour {
  const number = Number.parseInt(hex.slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

/** From little to much; each step darker than the one before on a light page, and lighter on a dark one. */
const scales = {
  light: ['#f3f1ea', '#fde0a6', '#f9b26b', '#e9784f', '#c23b54', '#7d1a56', '#3b0f3f'],
  dark: ['#20252c', '#3b2350', '#6f2a66', '#a83a66', '#dc5f56', '#f69a57', '#fde69a'],
} as const;

/** The colour of a share from 0 to 1 on the scale of a theme. */
export function colourOf(share: number, theme: 'light' | 'dark'): Colour {
  const scale = scales[theme];
  const place = Math.min(1, Math.max(0, share)) * (scale.length - 1);
  const low = Math.min(scale.length - 2, Math.floor(place));
  const [from, to] = [parseColour(scale[low]!), parseColour(scale[low + 1]!)];
  const mix = (channel: 0 | 1 | 2) => Math.round(from[channel] + (place - low) * (to[channel] - from[channel]));
  return [mix(0), mix(1), mix(2)];
}

/** The colours of a scale as CSS, from little to much. */
export function scaleStops(theme: 'light' | 'dark'): readonly string[] {
  return scales[theme];
}
