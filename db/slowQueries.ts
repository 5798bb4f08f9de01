// Queries that hold the interface up are named in the log, so that they are found before somebody complains.

/** Longest time a query may take unnoticed, in milliseconds. */
export const SLOW_MILLISECONDS = 100;

let report = (name: string, milliseconds: number): void => {
  console.error(`slow query: ${name} took ${milliseconds.toFixed(0)} ms`);
};

/** Sends the names of slow queries elsewhere than to standard error. */
export function onSlowQuery(listener: (name: string, milliseconds: number) => void): void {
  report = listener;
}

/** Runs a query and reports it when it was slow. */
export function timed<T>(name: string, query: () => T): T {
  const start = performance.now();
  try {
    return query();
  } finally {
    const took = performance.now() - start;
    if (took > SLOW_MILLISECONDS) report(name, took);
  }
}
