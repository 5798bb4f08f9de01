import type { LayerRouting } from "../native/switchyard.d.ts";

export const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

type RoutingMetric = "droppedFraction" | "paddingFraction" | "expertsPerToken" | "overload" | "routerEntropy" | "routerConfidence";

/** The run's routing metrics of a step, over all sparse layers. Definitions: contract/metrics.ts. */
export function routingValues(layers: readonly LayerRouting[]): Record<RoutingMetric, number> {
  let tokens = 0, dropped = 0, kept = 0, places = 0, overload = 0, entropy = 0, confidence = 0;
  for (const layer of layers) {
    tokens += layer.tokens;
    dropped += layer.dropped * layer.tokens;
    kept += sum(layer.kept);
    places += layer.experts * layer.capacity * layer.groups;
    overload = Math.max(overload, Math.max(...layer.load) * layer.experts / Math.max(1, sum(layer.load)));
    entropy += layer.entropy * layer.tokens;
    confidence += layer.confidence * layer.tokens;
  }
  const all = Math.max(1, tokens);
  return {
    droppedFraction: dropped / all, paddingFraction: 1 - kept / Math.max(1, places), expertsPerToken: kept / all, overload,
    routerEntropy: entropy / all, routerConfidence: confidence / all,
  };
}
