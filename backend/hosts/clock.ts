/** "28 Nov, 19:36": when something was last heard of. */
export const clock = (seconds: number): string => new Date(seconds * 1000).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
