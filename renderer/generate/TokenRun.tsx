// Tokens in a row as text. One of them takes the keyboard; the arrow keys go from token to token, and the line below says all
// about the one that is looked at.
import { memo, useId, useRef, useState, type CSSProperties, type KeyboardEvent } from "react";
import type { SparseLayer, TextToken } from "../../contract/generation.ts";
import { cssColour } from "../charts/colourScale.ts";
import { useProbabilityColour } from "./ProbabilityScale.tsx";
import { expertMark, shownText, tokenSentence, type Colouring } from "./tokenView.ts";

interface Props { name: string; tokens: readonly TextToken[]; layers: readonly SparseLayer[]; colouring: Colouring }

const MOVES: Record<string, (at: number, count: number) => number> = {
  ArrowLeft: (at) => at - 1, ArrowRight: (at) => at + 1, Home: () => 0, End: (_, count) => count - 1,
};

export function TokenRun({ name, tokens, layers, colouring }: Props) {
  const id = useId(), run = useRef<HTMLParagraphElement>(null);
  const [focused, setFocused] = useState(0);
  const [looked, setLooked] = useState<number | null>(null);
  const at = Math.min(focused, tokens.length - 1), token = looked === null ? undefined : tokens[looked];
  const move = (event: KeyboardEvent) => {
    const to = MOVES[event.key]?.(at, tokens.length);
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    (run.current?.children[Math.max(0, Math.min(tokens.length - 1, to))] as HTMLElement | undefined)?.focus();
  };
  return (
    <>
      {/* The arrow keys are those of the tokens inside. */}
      <p ref={run} className="tokens mono" role="group" aria-label={`${name}, token by token`} aria-describedby={`${id}-detail`} onKeyDown={move} onMouseLeave={() => setLooked(null)}>
        {tokens.map((one, index) => (
          <Token key={index} token={one} index={index} layers={layers} colouring={colouring} tabStop={index === at}
            look={setLooked} focus={setFocused} />
        ))}
      </p>
      <p id={`${id}-detail`} className="token-detail number" aria-live="polite">{token ? tokenSentence(token, layers) : <span className="muted">Point at a token, or go through them with Tab and the arrow keys.</span>}</p>
    </>
  );
}

interface TokenProps { token: TextToken; index: number; layers: readonly SparseLayer[]; colouring: Colouring; tabStop: boolean; look: (index: number) => void; focus: (index: number) => void }

const Token = memo(function Token({ token, index, layers, colouring, tabStop, look, focus }: TokenProps) {
  const probabilityColour = useProbabilityColour();
  const { by } = colouring;
  const expert = by === "expert" ? token.experts[colouring.layer]?.[0] : undefined;
  const style: CSSProperties & Record<`--${string}`, string> = {};
  if (expert !== undefined) {
    const { colour, line } = expertMark(expert);
    style["--mark"] = colour;
    style["--line"] = line;
  } else if (by === "probability" && token.logProbability !== null) style["--mark"] = cssColour(probabilityColour(Math.exp(token.logProbability)));
  return (
    <span className="token" style={style} tabIndex={tabStop ? 0 : -1} role="img" aria-label={tokenSentence(token, layers)}
      data-by={by} data-marked={"--mark" in style} data-named={token.name !== null} data-dropped={by === "expert" && token.dropped.includes(colouring.layer)} data-expert={expert}
      onMouseEnter={() => look(index)} onFocus={() => { look(index); focus(index); }}>{shownText(token)}</span>
  );
}, (before, after) => before.tabStop === after.tabStop && JSON.stringify([before.token, before.colouring, before.layers]) === JSON.stringify([after.token, after.colouring, after.layers]));
