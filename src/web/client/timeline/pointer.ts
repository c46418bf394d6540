import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import {
  type Area,
  findEvent,
  findTrack,
  panWindow,
  type Selection,
  type TimeWindow,
  zoomWindow,
} from '../../view/index.js';
import { type Frame, margins } from './draw-frame.js';
import type { ChartActions } from './keys.js';

/** How near a pointer has to be to an event, in pixels. */
const reach = 3;
/** How far it may move between down and up to be a click. */
const steady = 4;
const zoomOfWheel = 1.0015;

/** A place of the canvas, in CSS pixels. */
export interface CanvasPoint {
  readonly x: number;
  readonly y: number;
}

type View = Pick<Frame, 'timeline' | 'layout' | 'window' | 'width' | 'scrollTop'>;

/** The event under a place of the canvas. */
export function findAtPoint(view: View, { x, y }: CanvasPoint): Selection | undefined {
  const { timeline, layout, scrollTop } = view;
  const track = findTrack(timeline, layout, y - margins.axis + scrollTop);
  const found = timeline.tracks[track];
  if (found === undefined || y < margins.axis) return undefined;
  const event = findEvent(found, timeAt(view, x), reach * timeOfPixel(view));
  return event < 0 ? undefined : { track, event };
}

function timeOfPixel({ window, width }: Pick<View, 'window' | 'width'>): number {
  return (window.to - window.from) / Math.max(1, width - margins.left - margins.right);
}

/** The time at a place of the canvas. */
export function timeAt(view: Pick<View, 'window' | 'width'>, x: number): number {
  return view.window.from + (x - margins.left) * timeOfPixel(view);
}

/** The time and the ranks between two places of the canvas; at least one rank. */
function areaBetween(frame: Frame, one: CanvasPoint, other: CanvasPoint): Area {
  const { timeline, layout, scrollTop, window } = frame;
  const clamp = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));
  const [from, to] = [timeAt(frame, one.x), timeAt(frame, other.x)]
    .map((time) => clamp(time, window.from, window.to))
    .sort((a, b) => a - b);
  const [firstRank, lastRank] = [one.y, other.y]
    .map((y) => clamp(Math.floor((y - margins.axis + scrollTop) / layout.rankHeight), 0, timeline.ranks - 1))
    .sort((a, b) => a - b);
  return { from, to, firstRank, lastRank };
}

interface PointerActions extends Pick<ChartActions, 'show' | 'pick' | 'choose'> {
  /** Hears where the pointer is; undefined where it is elsewhere. */
  readonly hover: (point: CanvasPoint | undefined) => void;
}

/** Hovering, clicking, dragging, pinching and the wheel. */
export function usePointer(canvas: RefObject<HTMLCanvasElement | null>, frame: Frame, actions: PointerActions): void {
  const latest = useRef({ frame, actions });
  latest.current = { frame, actions };
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const pointers = new Map<number, number>();
    /** Where the only pointer went down, and whether it has moved since. */
    let pressed: (CanvasPoint & { readonly isArea: boolean; hasMoved: boolean }) | undefined;
    const stop = new AbortController();
    const listen = <K extends keyof HTMLElementEventMap>(name: K, use: (event: HTMLElementEventMap[K]) => void) =>
      element.addEventListener(name, use, { signal: stop.signal, passive: false });
    listen('wheel', (event) => {
      const next = turnWheel(latest.current.frame, event);
      if (next === undefined) return;
      event.preventDefault();
      latest.current.actions.show(next);
    });
    listen('pointerdown', (event) => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, event.offsetX);
      pressed = pointers.size === 1 ? { ...pointOf(event), isArea: event.shiftKey, hasMoved: false } : undefined;
    });
    listen('pointerup', (event) => {
      pointers.delete(event.pointerId);
      const { frame: now, actions: does } = latest.current;
      if (pressed !== undefined && !pressed.hasMoved) {
        does.pick(findAtPoint(now, pressed));
        does.choose(undefined);
      }
      pressed = undefined;
    });
    listen('pointercancel', (event) => {
      pointers.delete(event.pointerId);
      pressed = undefined;
    });
    listen('pointerleave', () => {
      if (pointers.size === 0) latest.current.actions.hover(undefined);
    });
    listen('pointermove', (event) => {
      const { frame: now, actions: does } = latest.current;
      does.hover(pointOf(event));
      if (!pointers.has(event.pointerId)) return;
      const far = pressed === undefined || Math.hypot(event.offsetX - pressed.x, event.offsetY - pressed.y) > steady;
      if (pressed !== undefined && far) pressed.hasMoved = true;
      if (!far && pressed?.hasMoved !== true) return;
      if (pressed?.isArea === true) does.choose(areaBetween(now, pressed, pointOf(event)));
      else does.show(drag(now, pointers, event));
    });
    return () => stop.abort();
  }, [canvas]);
}

function pointOf({ offsetX, offsetY }: MouseEvent): CanvasPoint {
  return { x: offsetX, y: offsetY };
}

/** With Ctrl (and so a pinch on a touchpad) the wheel zooms, sideways it moves; else it scrolls the page. */
function turnWheel(frame: Frame, event: WheelEvent): TimeWindow | undefined {
  const { span, window, width } = frame;
  if (event.ctrlKey || event.metaKey)
    return zoomWindow(window, span, {
      time: timeAt(frame, event.offsetX),
      factor: zoomOfWheel ** (event.deltaY * (event.deltaMode === 0 ? 1 : 20)),
    });
  const sideways = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
  return sideways === 0 ? undefined : panWindow(window, span, sideways / width);
}

/** One pointer moves the window, two stretch it. */
function drag(frame: Frame, pointers: Map<number, number>, { pointerId, offsetX }: PointerEvent): TimeWindow {
  const { span, window, width } = frame;
  const before = pointers.get(pointerId) ?? offsetX;
  pointers.set(pointerId, offsetX);
  const other = [...pointers].find(([id]) => id !== pointerId)?.[1];
  if (other === undefined)
    return panWindow(window, span, (before - offsetX) / Math.max(1, width - margins.left - margins.right));
  const factor = Math.abs(before - other) / Math.max(1, Math.abs(offsetX - other));
  return zoomWindow(window, span, { time: timeAt(frame, other), factor });
}
