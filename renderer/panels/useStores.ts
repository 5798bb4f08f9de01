// Follows several live stores at once.
import { useEffect, useState } from "react";
import { drawLive, drawNever } from "../charts/frame.ts";
import type { Observable } from "./liveStore.ts";

/** Draws the component again when any of the stores changed, a few times a second. Returns a number that changes with it. */
export function useStores(stores: readonly Observable[]): number {
  const [version, setVersion] = useState(0);
  useEffect(() => {
    const refresh = () => setVersion((old) => old + 1);
    const changed = () => drawLive(refresh);
    changed();
    const stops = stores.map((store) => store.subscribe(changed));
    return () => {
      drawNever(refresh);
      stops.forEach((stop) => stop());
    };
  }, [stores]);
  return version;
}
