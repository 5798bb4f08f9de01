// Moments as they are written everywhere: the same for everybody, to be compared and sorted, in the time zone of the window.

const two = (value: number): string => String(value).padStart(2, "0");

/** "2026-11-28" of Unix seconds. */
export function day(seconds: number): string {
  const date = new Date(seconds * 1000);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** "22:19:04". */
export function clockTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** "2026-11-28 22:19:04". */
export const moment = (seconds: number): string => `${day(seconds)} ${clockTime(seconds)}`;
