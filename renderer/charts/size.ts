// How wide an element is and how fine the screen, kept up to date.
import { useCallback, useState, useSyncExternalStore } from "react";

/** A ref for the element and its width in CSS pixels, 0 until it is laid out. */
export function useElementWidth(): [ref: (element: HTMLElement | null) => (() => void) | undefined, width: number] {
  const [width, setWidth] = useState(0);
  const ref = useCallback((element: HTMLElement | null) => {
    if (!element) return undefined;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}

/** Device pixels a CSS pixel; changes when the window moves to another screen or is zoomed. */
export function usePixelRatio(): number {
  return useSyncExternalStore((changed) => {
    // A query matches one ratio only, so resize, which zooming and moving cause as well, is what to listen for.
    window.addEventListener("resize", changed);
    return () => window.removeEventListener("resize", changed);
  }, () => window.devicePixelRatio || 1);
}
