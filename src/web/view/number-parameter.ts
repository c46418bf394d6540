/** What a number of an address may be. */
export interface NumberBounds {
  readonly least: number;
  readonly most: number;
  readonly isWhole?: boolean;
}

/** The number that a parameter is; `own` where it is missing, none, or out of its bounds. */
export function readNumber<T>(
  text: string | undefined,
  own: T,
  { least, most, isWhole = false }: NumberBounds,
): number | T {
  const value = parseNumber(text);
  return isBetween(value, least, most) && (!isWhole || Number.isInteger(value)) ? value : own;
}

/** False for what is no number. */
export function isBetween(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}

/** NaN where there is no number. */
export function parseNumber(text: string | undefined): number {
  return text === undefined || text.trim() === '' ? Number.NaN : Number(text);
}
