/** A duration for people: `340 µs`, `1.23 s`, `3 min 20 s`, `2 h 05 min`. */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return `${seconds} s`;
  if (seconds < 0) return `-${formatSeconds(-seconds)}`;
  const whole = Math.round(seconds);
  if (whole >= 3600) {
    const minutes = Math.round(seconds / 60);
    return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
  }
  if (whole >= 60) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return formatScaled(seconds, 1000, ['s', 'ms', 'µs', 'ns'], -1);
}

/** An amount of memory for people, in powers of 1024: `512 B`, `1.50 MiB`. */
export function formatBytes(bytes: number): string {
  return formatScaled(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'], 1);
}

/** A count for people, in powers of 1000: `950`, `18.96 M`, `671.0 B`. */
export function formatCount(count: number): string {
  return formatScaled(count, 1000, ['', 'k', 'M', 'B', 'T'], 1, 4).trimEnd();
}

/** A share of 1 in percent, for people: `12.3%`. */
export function formatPercent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)}%`;
}

/** A rate for people: `2788 tokens/s`, `94.1 GFLOP/s`. A unit in capitals takes the prefix of its size, others are counted as they are. */
export function formatRate(perSecond: number, unit: string): string {
  if (unit === unit.toUpperCase()) {
    return `${formatScaled(perSecond, 1000, ['', 'k', 'M', 'G', 'T', 'P'], 1).trimEnd()}${unit}/s`.replace(
      /(\d)([A-Z])/,
      '$1 $2',
    );
  }
  return `${perSecond < 100_000 ? formatDigits(perSecond, 3) : formatCount(perSecond)} ${unit}/s`;
}

/** Divides (direction 1) or multiplies (-1) by `base` until the number fits its unit. */
function formatScaled(value: number, base: number, units: readonly string[], direction: 1 | -1, digits = 3): string {
  if (value < 0) return `-${formatScaled(-value, base, units, direction, digits)}`;
  let scaled = value;
  let unit = 0;
  // A number that rounds up to the next unit belongs to it: 999.96 kB is 1.00 MB.
  const tooLarge = () => direction === 1 && Number(formatDigits(scaled, digits)) >= base;
  const tooSmall = () => direction === -1 && scaled !== 0 && Number(formatDigits(scaled, digits)) < 1;
  while (unit < units.length - 1 && Number.isFinite(scaled) && (tooLarge() || tooSmall())) {
    scaled = direction === 1 ? scaled / base : scaled * base;
    unit += 1;
  }
  const isCount = unit === 0 && direction === 1 && Number.isInteger(value);
  return `${isCount ? value : formatDigits(scaled, digits)} ${units[unit]}`;
}

/** At least `digits` digits, never in powers of ten. */
function formatDigits(value: number, digits: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const before = Math.max(1, Math.floor(Math.log10(Math.abs(value))) + 1);
  return value.toFixed(Math.max(0, digits - before));
}
