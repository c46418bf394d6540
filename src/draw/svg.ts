import { InputError } from '../base/index.js';
import type { EventKind, Timeline, TimelineEvent } from '../schedule/index.js';
import { niceStep } from './nice-step.js';
import { endOf, firstStages, hasOtherStages, kindStyles, kindsOf } from './style.js';
import { formatTime } from './text.js';
import { escapeXml, px } from './xml.js';

/** The most events that `drawScheduleSvg` draws: what a browser still shows. */
const mostDrawnEvents = 200_000;

const layout = {
  left: 64,
  top: 34,
  right: 16,
  /** Room for two numbers one above the other: a pair's. */
  rowHeight: 24,
  rowGap: 4,
  /** Height of the communication lane, under the compute lane. */
  laneHeight: 5,
  font: 10,
  /** Width of a letter of the legend. */
  letter: 6.2,
  /** Of microbatch numbers, which decide how wide a picture must be. */
  numberFont: 9,
  digit: 5.7,
  widestChart: 12_000,
  narrowestChart: 640,
} as const;

/** Where things go on the page. */
interface Frame {
  readonly end: number;
  /** Pixels per unit of time. */
  readonly scale: number;
  readonly rowStep: number;
  readonly chartHeight: number;
  readonly width: number;
}

/**
 * The timeline as an SVG picture: a row a rank, idle time in grey, colours and hatches by kind, microbatch numbers where they fit, a legend. A bar
 * over a cell, or over the half of a pair, marks a stage that is not the rank's first; a pair has its forward above its backward. Throws `InputError` for more than `mostDrawnEvents` events.
 */
export function drawScheduleSvg(timeline: Timeline, title: string): string {
  const count = timeline.ranks.reduce((sum, events) => sum + events.length, 0);
  if (count > mostDrawnEvents) {
    throw new InputError({
      what: `${count} events are too many to draw`,
      mend: `draw at most ${mostDrawnEvents}: fewer ranks or microbatches`,
    });
  }
  const frame = createFrame(timeline);
  const first = firstStages(timeline);
  const kinds = kindsOf(timeline);
  const hasOthers = hasOtherStages(timeline, first);
  const legend = drawLegend(kinds, hasOthers, frame);
  const height = layout.top + frame.chartHeight + 28 + legend.height;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${px(frame.width)}" height="${px(height)}" viewBox="0 0 ${px(frame.width)} ${px(height)}" font-family="sans-serif" font-size="${layout.font}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<defs>${kinds.map(drawPattern).join('')}</defs>`,
    `<style>${kinds.map(kindRule).join('')}.idle{fill:#e6e8eb}.other{fill:#1b1f24}.half{fill:#3a3f47;fill-opacity:.6}text{fill:#111}.mb{text-anchor:middle;pointer-events:none;font-size:${layout.numberFont}px}</style>`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="${layout.left}" y="20" font-size="13" font-weight="bold">${escapeXml(title)}</text>`,
    ...timeline.ranks.map((events, rank) => drawRank(events, rank, first[rank] as number, frame)),
    drawAxis(timeline.unit, frame),
    legend.text,
    '</svg>\n',
  ].join('\n');
}

function createFrame(timeline: Timeline): Frame {
  const end = endOf(timeline);
  const hasMessages = timeline.ranks.some((events) => events.some(({ lane }) => lane === 'communication'));
  const rowStep = layout.rowHeight + layout.rowGap + (hasMessages ? layout.laneHeight : 0);
  let wanted = 0;
  for (const event of timeline.ranks.flat()) {
    const duration = event.end - event.start;
    if (event.lane === 'compute' && duration > 0) wanted = Math.max(wanted, numberWidth(event) / duration);
  }
  const chartWidth = Math.min(layout.widestChart, Math.max(layout.narrowestChart, wanted * end));
  return {
    end,
    scale: end === 0 ? 0 : chartWidth / end,
    rowStep,
    chartHeight: rowStep * timeline.ranks.length,
    width: layout.left + chartWidth + layout.right,
  };
}

function drawRank(events: readonly TimelineEvent[], rank: number, firstStage: number, frame: Frame): string {
  const y = layout.top + rank * frame.rowStep;
  const label = `<text x="${layout.left - 8}" y="${y + 16}" text-anchor="end">rank ${rank}</text>`;
  const width = px(frame.end * frame.scale);
  const background = `<rect class="idle" x="${layout.left}" y="${y}" width="${width}" height="${layout.rowHeight}"/>`;
  return [label, background, ...events.map((event) => drawEvent(event, y, firstStage, frame))].join('\n');
}

function drawEvent(event: TimelineEvent, rowTop: number, firstStage: number, { scale }: Frame): string {
  const x = layout.left + event.start * scale;
  const width = (event.end - event.start) * scale;
  if (width <= 0) return '';
  const isMessage = event.lane === 'communication';
  const y = isMessage ? rowTop + layout.rowHeight : rowTop;
  const height = isMessage ? layout.laneHeight : layout.rowHeight;
  const boxAt = (top: number) => `x="${px(x)}" y="${px(top)}" width="${px(width)}"`;
  const box = boxAt(y);
  const tip = `<title>${escapeXml(event.label)}: ${formatTime(event.start)} to ${formatTime(event.end)}</title>`;
  const parts = [`<rect class="${event.kind}" ${box} height="${height}">${tip}</rect>`];
  if (isMessage) return parts.join('');
  if (kindStyles[event.kind].hatch !== '') {
    parts.push(`<rect ${box} height="${height}" fill="url(#hatch-${event.kind})" pointer-events="none"/>`);
  }
  const part = height / Math.max(1, event.chunks.length);
  const showsNumbers = numberWidth(event) <= width + 0.01;
  for (const [index, { stage, microbatch }] of event.chunks.entries()) {
    const top = y + index * part;
    if (stage !== firstStage) parts.push(`<rect class="other" ${boxAt(top)} height="2"/>`);
    else if (index > 0) parts.push(`<rect class="half" ${boxAt(top)} height=".7"/>`);
    if (showsNumbers) {
      const baseline = top + part / 2 + (stage === firstStage ? 3.4 : 4);
      parts.push(`<text class="mb" x="${px(x + width / 2)}" y="${px(baseline)}">${microbatch}</text>`);
    }
  }
  return parts.join('');
}

function drawPattern(kind: EventKind): string {
  const { hatch } = kindStyles[kind];
  if (hatch === '') return '';
  return `<pattern id="hatch-${kind}" width="8" height="8" patternUnits="userSpaceOnUse"><path d="${hatch}" stroke="#000" stroke-opacity="0.22" stroke-width="1" fill="none"/></pattern>`;
}

function kindRule(kind: EventKind): string {
  return `.${kind}{fill:${kindStyles[kind].fill};stroke:#3a3f47;stroke-width:.5}`;
}

function drawAxis(unit: Timeline['unit'], frame: Frame): string {
  const y = layout.top + frame.chartHeight + 4;
  const step = niceStep(frame.end / Math.max(2, (frame.end * frame.scale) / 110));
  const ticks: string[] = [];
  for (let index = 0; step > 0 && index * step < frame.end - step / 3; index++)
    ticks.push(drawTick(index * step, '', y, frame));
  return [...ticks, drawTick(frame.end, ` ${unit}`, y, frame)].join('\n');
}

function drawTick(time: number, suffix: string, y: number, { scale, end }: Frame): string {
  const x = layout.left + time * scale;
  const anchor = time === end && time > 0 ? 'end' : 'middle';
  return `<path d="M${px(x)} ${y - 4}v4" stroke="#3a3f47"/><text x="${px(x)}" y="${y + 11}" text-anchor="${anchor}">${formatTime(time)}${suffix}</text>`;
}

/** Swatches in rows that fit the picture's width. */
function drawLegend(kinds: readonly EventKind[], hasOthers: boolean, frame: Frame): { text: string; height: number } {
  const entries: { className: string; hatch: string; words: string }[] = kinds.map((kind) => ({
    className: kind,
    hatch: kindStyles[kind].hatch === '' ? '' : kind,
    words: `${kindStyles[kind].letter} ${kindStyles[kind].words}`.trim(),
  }));
  if (hasOthers) entries.push({ className: 'other', hatch: '', words: "bar on top: not the rank's first stage" });
  entries.push({ className: 'idle', hatch: '', words: 'idle' });
  let [x, y] = [layout.left as number, layout.top + frame.chartHeight + 30];
  const parts: string[] = [];
  for (const { className, hatch, words } of entries) {
    const width = 22 + words.length * layout.letter + 14;
    if (x + width > frame.width && x > layout.left) [x, y] = [layout.left, y + 20];
    const height = className === 'other' ? 2.5 : 12;
    parts.push(`<rect class="${className}" x="${px(x)}" y="${y}" width="16" height="${height}"/>`);
    if (hatch !== '') parts.push(`<rect x="${px(x)}" y="${y}" width="16" height="12" fill="url(#hatch-${hatch})"/>`);
    parts.push(`<text x="${px(x + 22)}" y="${y + 10}">${escapeXml(words)}</text>`);
    x += width;
  }
  return { text: parts.join('\n'), height: y + 22 - (layout.top + frame.chartHeight + 28) };
}

/** Pixels that an event needs to show its microbatches, one above the other. */
function numberWidth({ chunks }: TimelineEvent): number {
  const digits = Math.max(0, ...chunks.map(({ microbatch }) => String(microbatch).length));
  return digits === 0 ? 0 : digits * layout.digit + 1.5;
}
