import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { findEvent, findTrack, panWindow, type Selection, type TimeWindow, zoomWindow } from '../../view/index.js';
import { type Frame, margins } from './draw-frame.js';
import type { ChartActions } from './keys.js';

/** How near a pointer has to be to an event, in pixels. */
const reach = 3;
const zoomOfWheel = 1.0015;

/** The event under a place of the canvas. */
function findAtPointer(frame: Frame, x: number, y: number): Selection | undefined {
  const { timeline, layout, scrollTop } = frame;
  const track = findTrack(timeline, layout, y - margins.axis + scrollTop);
  const found = timeline.tracks[track];
  if (found === undefined || y < margins.axis) return undefined;
  const event = findEvent(found, timeAt(frame, x), reach * timeOfPixel(frame));
  return event < 0 ? undefined : { track, event };
}

function timeOfPixel({ window, width }: Frame): number {
  return (window.to - window.from) / Math.max(1, width - margins.left - margins.right);
}

function timeAt(frame: Frame, x: number): number {
  return frame.window.from + (x - margins.left) * timeOfPixel(frame);
}

/** Hovering, dragging, pinching and the wheel. */
export function usePointer(
  canvas: RefObject<HTMLCanvasElement | null>,
  frame: Frame,
  { show, select }: Pick<ChartActions, 'show' | 'select'>,
): void {
  const latest = useRef({ frame, show, select });
  latest.current = { frame, show, select };
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const pointers = new Map<number, number>();
    const stop = new AbortController();
    const listen = <K extends keyof HTMLElementEventMap>(name: K, use: (event: HTMLElementEventMap[K]) => void) =>
      element.addEventListener(name, use, { signal: stop.signal, passive: false });
    listen('wheel', (event) => {
      const next = turnWheel(latest.current.frame, event);
      if (next === undefined) return;
      event.preventDefault();
      latest.current.show(next);
    });
    listen('pointerdown', (event) => {
      element.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, event.offsetX);
    });
    const release = (event: PointerEvent) => pointers.delete(event.pointerId);
    listen('pointerup', release);
    listen('pointercancel', release);
    listen('pointerleave', () => {
      if (pointers.size === 0) latest.current.select(undefined);
    });
    listen('pointermove', (event) => {
      const { frame: now, show: showNow, select: selectNow } = latest.current;
      if (!pointers.has(event.pointerId)) selectNow(findAtPointer(now, event.offsetX, event.offsetY));
      else showNow(drag(now, pointers, event));
    });
    return () => stop.abort();
  }, [canvas]);
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
