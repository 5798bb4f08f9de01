// What the model wrote: in words, then token by token in the colours of the experts they were sent to, or as a table.
import { useState } from "react";
import type { GeneratedText, GenerationAnswer, SparseLayer } from "../../contract/generation.ts";
import { counted, shortNumber } from "../charts/quantity.ts";
import { ExpertLegend } from "./ExpertLegend.tsx";
import { ProbabilityScale } from "./ProbabilityScale.tsx";
import { TokenRun } from "./TokenRun.tsx";
import { TokenTable } from "./TokenTable.tsx";
import { layerName, type Colouring } from "./tokenView.ts";

interface Props { answer: GenerationAnswer; going: boolean; stopped: boolean }
type Show = "experts" | "probability" | "table";

export function Answer({ answer, going, stopped }: Props) {
  const text = answer.texts[0]!;
  const encoderLayers = answer.layers.filter(({ stack }) => stack === "encoder"), decoderLayers = answer.layers.filter(({ stack }) => stack === "decoder");
  const sparse = answer.layers.length > 0;
  const [chosen, setShow] = useState<Show>("experts");
  const show = chosen === "experts" && !sparse ? "probability" : chosen;
  const [layer, setLayer] = useState({ encoder: 0, decoder: 0 });
  // A decoder-only model has read its prompt in the decoder.
  const inputStack = encoderLayers.length === 0 && text.input.some(({ experts }) => experts.length > 0) ? "decoder" : "encoder";
  const inputLayers = inputStack === "encoder" ? encoderLayers : decoderLayers;
  const encoderLayer = Math.min(layer.encoder, Math.max(0, encoderLayers.length - 1)), decoderLayer = Math.min(layer.decoder, Math.max(0, decoderLayers.length - 1));
  const inputLayer = inputStack === "encoder" ? encoderLayer : decoderLayer;
  const colouring = (index: number): Colouring => (show === "probability" ? { by: "probability" } : { by: "expert", layer: index });
  return (
    <>
      <Summary answer={answer} text={text} going={going} stopped={stopped} />
      {text.filledIn && <div className="generate-block"><h3>Filled in</h3><p className="generate-prose"><bdi>{text.filledIn.map(({ text: part, generated }, index) => (generated ? <ins key={index}>{part}</ins> : <span key={index}>{part}</span>))}</bdi></p></div>}
      <div className="tab-bar generate-bar">
        <div className="segments" role="radiogroup" aria-label="What to show of each token">
          {sparse && <label><input type="radio" name="token-view" checked={show === "experts"} onChange={() => setShow("experts")} />Experts</label>}
          <label><input type="radio" name="token-view" checked={show === "probability"} onChange={() => setShow("probability")} />Probability</label>
          <label><input type="radio" name="token-view" checked={show === "table"} onChange={() => setShow("table")} />Table</label>
        </div>
        {show === "experts" && encoderLayers.length > 0 && <LayerSelect title="Input by" layers={encoderLayers} value={encoderLayer} change={(encoder) => setLayer({ ...layer, encoder })} />}
        {show === "experts" && decoderLayers.length > 0 && <LayerSelect title={inputStack === "encoder" ? "Output by" : "Tokens by"} layers={decoderLayers} value={decoderLayer} change={(decoder) => setLayer({ ...layer, decoder })} />}
        {show === "probability" && <ProbabilityScale />}
      </div>
      {show === "table" ? <TokenTable input={text.input} inputLayers={inputLayers} output={text.output} outputLayers={decoderLayers} /> : (
        <div className="generate-tokens">
          <div className="generate-block"><h3>Input <span className="muted number">{counted(text.input.length, "token")}</span></h3><TokenRun name="Input" tokens={text.input} layers={inputLayers} colouring={colouring(inputLayer)} />
            {show === "experts" && inputStack === "encoder" && encoderLayers[encoderLayer] && <ExpertLegend tokens={text.input} layer={encoderLayers[encoderLayer]!} index={encoderLayer} />}</div>
          <div className="generate-block"><h3>Output <span className="muted number">{counted(text.output.length, "token")}</span></h3><TokenRun name="Output" tokens={text.output} layers={decoderLayers} colouring={colouring(decoderLayer)} />
            {show === "experts" && decoderLayers[decoderLayer] && <ExpertLegend tokens={inputStack === "decoder" ? [...text.input, ...text.output] : text.output} layer={decoderLayers[decoderLayer]!} index={decoderLayer} />}</div>
        </div>
      )}
    </>
  );
}

function Summary({ answer, text, going, stopped }: Props & { text: GeneratedText }) {
  const { seconds, step } = answer, tokens = text.output.length;
  const sum = text.output.reduce((total, { logProbability }) => total + (logProbability ?? 0), 0);
  const end = going ? "writing…" : stopped ? "stopped" : text.ended ? "came to its end" : "cut at the token limit";
  return (
    <dl className="generate-facts number" role="status">
      <div><dt>Text</dt><dd>{counted(tokens, "token")}, {end}</dd></div>
      <div title="Mean of log p over the generated tokens, by the model itself: without temperature, top-k and top-p."><dt>Mean log p</dt><dd>{tokens === 0 ? "–" : `${shortNumber(sum / tokens)} nats/token`}</dd></div>
      <div title="Wall time of generating, without reading model and input."><dt>Time</dt><dd>{shortNumber(seconds, 3)} s{tokens > 0 && seconds > 0 ? `, ${shortNumber(tokens / seconds, 3)} tokens/s` : ""}</dd></div>
      {step !== null && <div><dt>Checkpoint</dt><dd>step {step.toLocaleString("en")}</dd></div>}
    </dl>
  );
}

function LayerSelect({ title, layers, value, change }: { title: string; layers: readonly SparseLayer[]; value: number; change: (index: number) => void }) {
  return (
    <label className="bar-field">{title}
      <select className="input" value={value} onChange={(event) => change(Number(event.target.value))}>{layers.map((layer, index) => <option key={layerName(layer)} value={index}>{layerName(layer)}</option>)}</select>
    </label>
  );
}
