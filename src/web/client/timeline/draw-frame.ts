import { formatSeconds } from '../../../base/index.js';
import { formatTime, kindStyles } from '../../../draw/index.js';
import { type EventKind, eventKinds, type TimelineEvent } from '../../../schedule/index.js';
import {
  type Area,
  type ChartLayout,
  firstEndingAfter,
  type IndexedTimeline,
  labelTexts,
  listTicks,
  paintTrack,
  parseColour,
  placeTrack,
  type Selection,
  selectedEvent,
  type TimeWindow,
  type Track,
} from '../../view/index.js';

/** What a frame shows. */
export interface Frame {
  readonly timeline: IndexedTimeline;
  readonly layout: ChartLayout;
  readonly window: TimeWindow;
  /** Where the axis of time ends: at the timeline's end or later. */
  readonly span: number;
  readonly theme: 'light' | 'dark';
  /** In CSS pixels: of the whole canvas. */
  readonly width: number;
  readonly height: number;
  /** How far the ranks are scrolled, in CSS pixels. */
  readonly scrollTop: number;
  /** The event under the pointer. */
  readonly hovered: Selection | undefined;
  /** The event that was chosen. */
  readonly picked: Selection | undefined;
  /** What was chosen to be summed. */
  readonly area: Area | undefined;
}

/** Left of the tracks are the names of the ranks, above them is the axis. */
export const margins = { left: 52, right: 8, axis: 22 } as const;

const palettes = {
  light: {
    idle: '#e6e8eb',
    text: '#171a1f',
    soft: '#535b67',
    line: '#7b8391',
    surface: '#ffffff',
    mark: '#b3420a',
    area: 'rgb(179 66 10 / 14%)',
  },
  dark: {
    idle: '#323842',
    text: '#eceff3',
    soft: '#aeb6c2',
    line: '#8b94a3',
    surface: '#1c2026',
    mark: '#ffb27a',
    area: 'rgb(255 178 122 / 20%)',
  },
} as const;

const colours = eventKinds.map((kind) => parseColour(kindStyles[kind].fill));
/** Events from this width on are drawn one by one over the mixed colours. */
const separateFrom = 5;
const hatchedFrom = 9;
/** Text in low and in high bands, in pixels. */
const labelFonts = { low: 10, high: 12 } as const;
const highFrom = 28;
/** Of the name of a rank. */
const nameHeight = 14;

/** Draws a frame. What is narrower than a pixel is mixed (`paintTrack`); what is wider gets edges, a hatch and, where it fits, its text. */
export function drawFrame(canvas: HTMLCanvasElement, frame: Frame): void {
  const context = canvas.getContext('2d');
  if (context === null) return;
  const ratio = devicePixelRatio;
  const { width, height, theme } = frame;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = palettes[theme].surface;
  context.fillRect(0, 0, width, height);
  drawTracks(context, frame, ratio);
  drawRankNames(context, frame);
  drawAxis(context, frame);
}

function drawTracks(context: CanvasRenderingContext2D, frame: Frame, ratio: number): void {
  const { timeline, layout, width, height, scrollTop } = frame;
  const inner = Math.max(1, width - margins.left - margins.right);
  const pixels = Math.max(1, Math.round(inner * ratio));
  const visible = timeline.tracks
    .map((track, place) => ({ track, place, ...placeTrack(layout, track) }))
    .filter(({ top, height: own }) => top + own > scrollTop && top < scrollTop + height);
  if (visible.length === 0) return;
  const strip = paintStrip(
    visible.map(({ track }) => track),
    frame,
    pixels,
  );
  context.save();
  context.beginPath();
  context.rect(margins.left, margins.axis, inner, height - margins.axis);
  context.clip();
  context.imageSmoothingEnabled = false;
  for (const [line, { track, place, top, height: own }] of visible.entries()) {
    const y = margins.axis + top - scrollTop;
    context.drawImage(strip, 0, line, pixels, 1, margins.left, y, inner, own);
    drawWideEvents(context, frame, track, { y, height: own, inner });
    const { hovered, picked } = frame;
    if (hovered?.track === place) drawOutline(context, frame, hovered, { y, height: own, inner });
    if (picked?.track === place) drawOutline(context, frame, picked, { y, height: own, inner });
  }
  drawEnd(context, frame, inner);
  drawArea(context, frame, inner);
  context.restore();
}

/** After the end nobody is idle: there is nothing. */
function drawEnd(context: CanvasRenderingContext2D, frame: Frame, inner: number): void {
  const { timeline, window, height, theme, span } = frame;
  if (timeline.end >= span) return;
  const x = margins.left + Math.max(0, ((timeline.end - window.from) / (window.to - window.from)) * inner);
  context.fillStyle = palettes[theme].surface;
  context.fillRect(x, margins.axis, margins.left + inner - x, height);
  context.fillStyle = palettes[theme].line;
  context.fillRect(x, margins.axis, 1, height);
}

/** A line of pixels a track, one below the other. */
function paintStrip(tracks: readonly Track[], { window, theme }: Frame, pixels: number): OffscreenCanvas {
  const strip = new OffscreenCanvas(pixels, tracks.length);
  const image = new ImageData(pixels, tracks.length);
  const options = { sums: new Float32Array(4 * pixels), colours, idle: parseColour(palettes[theme].idle) };
  for (const [line, track] of tracks.entries())
    paintTrack(track, window, image.data.subarray(4 * pixels * line, 4 * pixels * (line + 1)), options);
  strip.getContext('2d')?.putImageData(image, 0, 0);
  return strip;
}

interface Row {
  readonly y: number;
  readonly height: number;
  readonly inner: number;
}

function drawWideEvents(context: CanvasRenderingContext2D, { window }: Frame, track: Track, row: Row): void {
  const scale = row.inner / (window.to - window.from);
  context.font = `${fontSize(row.height)}px system-ui, sans-serif`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  for (let place = firstEndingAfter(track, window.from); place < track.starts.length; place++) {
    if (track.starts[place]! >= window.to) break;
    const width = (track.ends[place]! - track.starts[place]!) * scale;
    if (width < separateFrom) continue;
    const x = margins.left + (track.starts[place]! - window.from) * scale;
    drawWideEvent(context, track, place, { x, width, ...row });
  }
}

function fontSize(height: number): number {
  return height < highFrom ? labelFonts.low : labelFonts.high;
}

function drawWideEvent(
  context: CanvasRenderingContext2D,
  track: Track,
  place: number,
  box: Row & { x: number; width: number },
) {
  const { x, y, width, height, inner } = box;
  if (width >= hatchedFrom && height >= 8) {
    const hatch = hatchOf(context, eventKinds[track.kinds[place]!]!);
    if (hatch !== undefined) {
      context.fillStyle = hatch;
      context.fillRect(x, y, width, height);
    }
  }
  context.fillStyle = 'rgb(20 24 30 / 55%)';
  context.fillRect(x, y, 1, height);
  context.fillRect(x + width - 1, y, 1, height);
  if (height < fontSize(height) + 1) return;
  // Of what reaches beyond the picture, the text stands in the part that is seen.
  const [left, right] = [Math.max(x, margins.left), Math.min(x + width, margins.left + inner)];
  const text = fitText(context, track.eventAt(place), right - left - 4);
  if (text === '') return;
  context.fillStyle = '#111';
  context.fillText(text, (left + right) / 2, y + height / 2 + 0.5);
}

function fitText(context: CanvasRenderingContext2D, event: TimelineEvent, room: number): string {
  return labelTexts(event, kindStyles[event.kind].letter).find((text) => widthOf(context, text) <= room) ?? '';
}

/** By font: the widths of texts. */
const widths = new Map<string, Map<string, number>>();
const mostWidths = 20_000;

/** The width of a label. Measuring one takes longer than all else that is drawn of an event. */
function widthOf(context: CanvasRenderingContext2D, text: string): number {
  const own = widths.get(context.font) ?? new Map<string, number>();
  widths.set(context.font, own);
  const known = own.get(text);
  if (known !== undefined) return known;
  if (own.size >= mostWidths) own.clear();
  const { width } = context.measureText(text);
  own.set(text, width);
  return width;
}

function drawOutline(context: CanvasRenderingContext2D, frame: Frame, selection: Selection, row: Row) {
  const { timeline, window, theme } = frame;
  const event = selectedEvent(timeline, selection);
  if (event === undefined) return;
  const isPicked = selection === frame.picked;
  const scale = row.inner / (window.to - window.from);
  context.strokeStyle = isPicked ? palettes[theme].mark : palettes[theme].text;
  context.lineWidth = isPicked ? 3 : 1;
  const inset = context.lineWidth / 2;
  const x = margins.left + (event.start - window.from) * scale;
  context.strokeRect(x, row.y + inset, Math.max(3, (event.end - event.start) * scale), row.height - 2 * inset);
}

/** What is to be summed, over the ranks that it is of. */
function drawArea(context: CanvasRenderingContext2D, { area, window, layout, scrollTop, theme }: Frame, inner: number) {
  if (area === undefined) return;
  const scale = inner / (window.to - window.from);
  const x = margins.left + (area.from - window.from) * scale;
  const y = margins.axis + area.firstRank * layout.rankHeight - scrollTop;
  const height = (area.lastRank - area.firstRank + 1) * layout.rankHeight;
  context.fillStyle = palettes[theme].area;
  context.fillRect(x, y, (area.to - area.from) * scale, height);
  context.strokeStyle = palettes[theme].mark;
  context.lineWidth = 2;
  context.strokeRect(x, y + 1, Math.max(1, (area.to - area.from) * scale), height - 2);
}

const hatches = new Map<EventKind, CanvasPattern | undefined>();

/** The hatch of a kind, so that kinds differ without colour. */
function hatchOf(context: CanvasRenderingContext2D, kind: EventKind): CanvasPattern | undefined {
  const known = hatches.get(kind);
  if (known !== undefined || kindStyles[kind].hatch === '') return known;
  const tile = new OffscreenCanvas(8, 8);
  const pen = tile.getContext('2d');
  if (pen === null) return undefined;
  pen.strokeStyle = 'rgb(0 0 0 / 22%)';
  pen.stroke(new Path2D(kindStyles[kind].hatch));
  const pattern = context.createPattern(tile, 'repeat') ?? undefined;
  hatches.set(kind, pattern);
  return pattern;
}

function drawRankNames(context: CanvasRenderingContext2D, { timeline, layout, height, scrollTop, theme }: Frame): void {
  context.fillStyle = palettes[theme].text;
  context.font = '12px system-ui, sans-serif';
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  const every = Math.max(1, Math.ceil(nameHeight / layout.rankHeight));
  context.save();
  context.beginPath();
  // The name of a thin first row reaches into the axis, which has nothing there.
  context.rect(0, margins.axis - nameHeight / 2, margins.left, height);
  context.clip();
  for (let rank = 0; rank < timeline.ranks; rank += every) {
    const y = margins.axis + rank * layout.rankHeight + layout.computeHeight / 2 - scrollTop;
    if (y < margins.axis || y > height + nameHeight / 2) continue;
    context.fillText(every === 1 ? `rank ${rank}` : String(rank), margins.left - 6, y);
  }
  context.restore();
}

function drawAxis(context: CanvasRenderingContext2D, { timeline, window, width, theme }: Frame): void {
  const inner = width - margins.left - margins.right;
  const { times } = listTicks(window, inner / 90);
  context.fillStyle = palettes[theme].soft;
  context.font = '11px system-ui, sans-serif';
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  for (const time of times) {
    const x = margins.left + ((time - window.from) / (window.to - window.from)) * inner;
    context.fillRect(x, margins.axis - 5, 1, 5);
    const text = describeTime(time, timeline.unit);
    const half = context.measureText(text).width / 2;
    context.fillText(text, Math.min(x, width - half), margins.axis - 13);
  }
}

/** A time or duration of a timeline, for people. */
export function describeTime(time: number, unit: IndexedTimeline['unit']): string {
  if (time === 0) return '0';
  return unit === 'seconds' ? formatSeconds(time) : formatTime(time);
}

/** A moment of a timeline, told as closely as `length` needs. */
export function describeMoment(time: number, length: number, unit: IndexedTimeline['unit']): string {
  if (unit !== 'seconds' || time === 0 || !(length > 0)) return describeTime(time, unit);
  const decimals = Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(length * 1e3))));
  return time < 1 ? `${(time * 1e3).toFixed(decimals)} ms` : `${time.toFixed(decimals + 3)} s`;
}
