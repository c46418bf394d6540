/** A length in an SVG picture, with at most two decimals: enough to see, and the file stays small. */
export function px(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** Text as it may stand in XML; characters that XML cannot hold are replaced. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\u{fffd}')
    .replace(/[&<>"]/g, (sign) => `&#${sign.codePointAt(0)};`);
}
