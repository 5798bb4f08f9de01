import { useEffect, useState } from "react";

const EVERY_MILLISECONDS = 20_000;

/** The time in Unix seconds, renewed often enough for "5 min ago". */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), EVERY_MILLISECONDS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
