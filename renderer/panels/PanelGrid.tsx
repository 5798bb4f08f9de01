// The figures of a panel in a grid: each can fill the panel, and their order is remembered.
import { useEffect, useMemo, useState, type DragEvent, type ReactNode } from "react";
import { FigurePlaceContext, type FigurePlace } from "../charts/Figure.tsx";
import { setView, useView } from "../state/view.ts";
import { AxisControls } from "./AxisControls.tsx";
import { spanStyles } from "./packing.ts";
import { orderAfterDrop, orderedIds } from "./panelOrder.ts";
import "./panels.css";

export interface PanelItem {
  id: string;
  /** Of 12 columns on a wide window. */
  columns: 3 | 4 | 5 | 6 | 7 | 8 | 12;
  content: ReactNode;
}

const storageKey = (panel: string): string => `switchyard.order.${panel}`;

function storedOrder(panel: string): string[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(storageKey(panel)) ?? "[]");
    return Array.isArray(stored) ? stored.filter((id) => typeof id === "string") : [];
  } catch {
    return [];
  }
}

/** @param axes whether there are line charts to set the axes of */
export function PanelGrid({ panel, bar, axes = true, items }: { panel: string; bar?: ReactNode; axes?: boolean; items: readonly PanelItem[] }) {
  const [order, setOrder] = useState(() => storedOrder(panel));
  const [dragged, setDragged] = useState<string | null>(null);
  const ids = useMemo(() => orderedIds(items.map((item) => item.id), order), [items, order]);
  const { maximised: wanted } = useView();
  const maximised = wanted !== null && ids.includes(wanted) ? wanted : null;
  const reorder = (next: string[]) => {
    setOrder(next);
    localStorage.setItem(storageKey(panel), JSON.stringify(next));
  };
  useEffect(() => {
    if (!maximised) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented) setView({ maximised: null });
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [maximised]);

  const dragging = (id: string) => ({
    draggable: maximised === null,
    onDragStart: (event: DragEvent) => {
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", id);
      setDragged(id);
    },
    onDragEnd: () => setDragged(null),
  });
  const byId = new Map(items.map((item) => [item.id, item]));
  const spans = spanStyles(ids.map((id) => byId.get(id)!.columns));
  return (
    <div className="panel-view">
      {(bar !== undefined || axes) && <div className="panel-bar">{bar}{axes && <AxisControls />}</div>}
      <div className="panel-grid" data-maximised={maximised !== null}>
        {ids.map((id, index) => {
          const item = byId.get(id)!;
          const swap = (other: number) => () => reorder(orderAfterDrop(ids, id, ids[other]!));
          const place: FigurePlace = {
            maximised: maximised === id, toggleMaximised: () => setView({ maximised: maximised === id ? null : id }), handle: dragging(id),
            moveEarlier: index > 0 ? swap(index - 1) : null, moveLater: index < ids.length - 1 ? swap(index + 1) : null,
          };
          return (
            <section key={id} className="panel-item" style={spans[index] as React.CSSProperties} data-maximised={maximised === id} data-dragged={dragged === id} hidden={maximised !== null && maximised !== id}
              onDragOver={(event) => { if (dragged && dragged !== id) event.preventDefault(); }}
              onDrop={(event) => {
                event.preventDefault();
                if (dragged && dragged !== id) reorder(orderAfterDrop(ids, dragged, id));
                setDragged(null);
              }}>
              <FigurePlaceContext value={place}>{item.content}</FigurePlaceContext>
            </section>
          );
        })}
      </div>
    </div>
  );
}
