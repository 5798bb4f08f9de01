// The same tokens as a table: what colours show, in numbers.
import type { SparseLayer, TextToken } from "../../contract/generation.ts";
import { shortNumber } from "../charts/quantity.ts";
import { layerName, sendings, tokenName } from "./tokenView.ts";

interface Props { input: readonly TextToken[]; inputLayers: readonly SparseLayer[]; output: readonly TextToken[]; outputLayers: readonly SparseLayer[] }

export function TokenTable({ input, inputLayers, output, outputLayers }: Props) {
  return (
    <div className="generate-tables">
      <Part title="Input" tokens={input} layers={inputLayers} />
      <Part title="Output" tokens={output} layers={outputLayers} />
    </div>
  );
}

function Part({ title, tokens, layers }: { title: string; tokens: readonly TextToken[]; layers: readonly SparseLayer[] }) {
  const predicted = tokens.some(({ logProbability }) => logProbability !== null);
  return (
    <table className="file-table token-table number">
      <caption>{title}</caption>
      <thead><tr><th scope="col">Place</th><th scope="col">Token</th><th scope="col">Id</th>{predicted && <><th scope="col">Probability</th><th scope="col">log p (nats)</th></>}{layers.map((layer) => <th scope="col" key={layerName(layer)}>Expert, {layerName(layer)}</th>)}</tr></thead>
      <tbody>{tokens.map((token, place) => (
        <tr key={place}>
          <td>{place}</td><th scope="row" className="mono"><bdi>{tokenName(token)}</bdi></th><td>{token.id}</td>
          {predicted && (token.logProbability === null ? <><td /><td /></> : <><td>{shortNumber(Math.exp(token.logProbability), 3)}</td><td>{shortNumber(token.logProbability, 3)}</td></>)}
          {token.experts.length === 0 && layers.length > 0 ? <td colSpan={layers.length} className="muted">not read</td> : sendings(token, layers).map(({ layer, experts, dropped }) => <td key={layerName(layer)} data-dropped={dropped}>{experts.join(", ")}{dropped && " dropped"}</td>)}
        </tr>
      ))}</tbody>
    </table>
  );
}
