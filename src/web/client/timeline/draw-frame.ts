import { formatSeconds } from '../../../base/index.js';
import { formatTime, kindStyles } from '../../../draw/index.js';
import { type EventKind, eventKinds, type TimelineEvent } from '../../../schedule/index.js';
import {
  type ChartLayout,
  firstEndingAfter,
  type IndexedTimeline,
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
  readonly selected: Selection | undefined;
}

/** Left of the tracks are the names of the ranks, above them is the axis. */
export const margins = { left: 52, right: 8, axis: 22 } as const;

const palettes = {
  light: { idle: '#e6e8eb', text: '#171a1f', soft: '#535b67', line: '#7b8391', surface: '#ffffff', mark: '#b3420a' },
  dark: { idle: '#323842', text: '#eceff3', soft: '#aeb6c2', line: '#8b94a3', surface: '#1c2026', mark: '#ffb27a' },
} as const;

const colours = eventKinds.map((kind) => parseColour(kindStyles[kind].fill));
/** Events from this width on are drawn one by one over the mixed colours. */
const separateFrom = 5;
const hatchedFrom = 9;
const labelFont = 10;

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
    if (frame.selected?.track === place) drawSelected(context, frame, { y, height: own, inner });
  }
  drawEnd(context, frame, inner);
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
  context.font = `${labelFont}px system-ui, sans-serif`;
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
  if (height < labelFont + 1) return;
  // Of what reaches beyond the picture, the text stands in the part that is seen.
  const [left, right] = [Math.max(x, margins.left), Math.min(x + width, margins.left + inner)];
  const text = fitText(context, track.eventAt(place), right - left - 4);
  if (text === '') return;
  context.fillStyle = '#111';
  context.fillText(text, (left + right) / 2, y + height / 2 + 0.5);
}

function fitText(context: CanvasRenderingContext2D, event: TimelineEvent, room: number): string {
  const microbatches = event.chunks.map(({ microbatch }) => microbatch).join('/');
  const letter = kindStyles[event.kind].letter;
  const texts = [event.label, ...(microbatches === '' ? [] : [`${letter}${microbatches}`, microbatches])];
  return texts.find((text) => widthOf(context, text) <= room) ?? '';
}

const widths = new Map<string, number>();
const mostWidths = 20_000;

/** The width of a label. Measuring one takes longer than all else that is drawn of an event. */
function widthOf(context: CanvasRenderingContext2D, text: string): number {
  const known = widths.get(text);
  if (known !== undefined) return known;
  if (widths.size >= mostWidths) widths.clear();
  const { width } = context.measureText(text);
  widths.set(text, width);
  return width;
}

function drawSelected(context: CanvasRenderingContext2D, { timeline, window, selected, theme }: Frame, row: Row) {
  const event = selectedEvent(timeline, selected);
  if (event === undefined) return;
  const scale = row.inner / (window.to - window.from);
  context.strokeStyle = palettes[theme].mark;
  context.lineWidth = 2;
  const x = margins.left + (event.start - window.from) * scale;
  context.strokeRect(x, row.y + 1, Math.max(2, (event.end - event.start) * scale), row.height - 2);
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
  const every = Math.max(1, Math.ceil(14 / layout.rankHeight));
  context.save();
  context.beginPath();
  context.rect(0, margins.axis, margins.left, height - margins.axis);
  context.clip();
  for (let rank = 0; rank < timeline.ranks; rank += every) {
    const y = margins.axis + rank * layout.rankHeight + layout.computeHeight / 2 - scrollTop;
    if (y > 0 && y < height + 14) context.fillText(every === 1 ? `rank ${rank}` : String(rank), margins.left - 6, y);
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
